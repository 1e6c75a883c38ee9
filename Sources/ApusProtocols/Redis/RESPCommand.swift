/// Commands as Redis reads them: a list of strings, the same in both versions of the protocol.
package enum RESPCommand {
    /// Appends a command: its name, then its arguments.
    package static func append(_ words: [[UInt8]], to bytes: inout [UInt8]) {
        bytes.reserveCapacity(bytes.count + words.reduce(16) { $0 + $1.count + 16 })
        appendLine(UInt8(ascii: "*"), words.count, to: &bytes)
        for word in words {
            appendLine(UInt8(ascii: "$"), word.count, to: &bytes)
            bytes += word
            bytes += [0x0D, 0x0A]
        }
    }

    private static func appendLine(_ type: UInt8, _ number: Int, to bytes: inout [UInt8]) {
        bytes.append(type)
        bytes += String(number).utf8
        bytes += [0x0D, 0x0A]
    }
}
