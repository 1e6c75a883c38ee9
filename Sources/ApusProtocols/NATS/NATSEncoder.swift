/// What a client says to a NATS server.
package enum NATSEncoder {
    /// `PUB`, or `HPUB` where there are headers. Throws for what would be another operation, and for more than
    /// `maxBytes` of payload and headers; returns how many they are.
    @discardableResult package static func appendPublish(
        _ subject: String, replyTo: String?, headers: NATSHeaders, _ payload: [UInt8], maxBytes: Int,
        to bytes: inout [UInt8]
    ) throws(NATSSyntaxError) -> Int {
        guard NATSSubject.isValid(subject) else { throw NATSSyntaxError("«\(subject)» is no subject to publish to") }
        if let replyTo, !NATSSubject.isValid(replyTo) {
            throw NATSSyntaxError("«\(replyTo)» is no subject to answer to")
        }
        var block: [UInt8] = []
        if !headers.fields.isEmpty { try headers.append(to: &block) }
        let count = block.count + payload.count
        guard count <= maxBytes else {
            throw NATSSyntaxError("a message of \(count) bytes is larger than the server takes: \(maxBytes)")
        }
        bytes.reserveCapacity(bytes.count + count + subject.utf8.count + 64)
        bytes += (block.isEmpty ? "PUB " : "HPUB ").utf8
        bytes += subject.utf8
        if let replyTo {
            bytes.append(UInt8(ascii: " "))
            bytes += replyTo.utf8
        }
        if !block.isEmpty { append(" ", block.count, to: &bytes) }
        append(" ", count, to: &bytes)
        bytes += [0x0D, 0x0A]
        bytes += block
        bytes += payload
        bytes += [0x0D, 0x0A]
        return count
    }

    private static func append(_ blank: String, _ number: Int, to bytes: inout [UInt8]) {
        bytes += blank.utf8
        bytes += String(number).utf8
    }

    /// `SUB`. The subject and the group were looked at before.
    package static func subscribe(_ subject: String, group: String?, _ subscription: Int) -> [UInt8] {
        Array("SUB \(subject) \(group.map { "\($0) " } ?? "")\(subscription)\r\n".utf8)
    }

    /// `UNSUB`.
    package static func unsubscribe(_ subscription: Int) -> [UInt8] { Array("UNSUB \(subscription)\r\n".utf8) }

    package static let ping = Array("PING\r\n".utf8)
    package static let pong = Array("PONG\r\n".utf8)

    /// `CONNECT` with a JSON object.
    package static func connect(_ json: [UInt8]) -> [UInt8] { Array("CONNECT ".utf8) + json + [0x0D, 0x0A] }
}
