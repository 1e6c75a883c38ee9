/// What is to be seen in an input without parsing it: reasons for which one reader refuses what the other accepts.
struct Facts {
    let bytes: UnsafeBufferPointer<UInt8>
    /// Bytes up to the first empty line, however its ends are written; all when there is none.
    let headCount: Int
    private let lines: [Range<Int>]

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        var lines: [Range<Int>] = []
        var start = 0
        var headCount = bytes.count
        for position in bytes.indices where bytes[position] == 0x0A {
            let end = position > start && bytes[position - 1] == 0x0D ? position - 1 : position
            if start == end, !lines.isEmpty {
                headCount = position + 1
                break
            }
            lines.append(start..<end)
            start = position + 1
        }
        // What has begun is judged as well.
        if headCount == bytes.count, start < bytes.count { lines.append(start..<bytes.count) }
        self.headCount = headCount
        self.lines = lines
    }

    func text(_ range: Range<Int>) -> String {
        String(String.UnicodeScalarView(bytes[range].map { Unicode.Scalar($0) }))
    }

    /// A CR without LF, or an LF without CR, in the first `count` bytes.
    func hasLoneLineEnd(_ count: Int) -> Bool {
        for position in 0..<count {
            if bytes[position] == 0x0A, position == 0 || bytes[position - 1] != 0x0D { return true }
            if bytes[position] == 0x0D, position + 1 < bytes.count, bytes[position + 1] != 0x0A { return true }
        }
        return false
    }

    /// A field that says how long a body is, behind a chunked one.
    var hasTrailingLength: Bool {
        !values("transfer-encoding").isEmpty
            && text(headCount..<bytes.count).lowercased().contains("content-length:")
    }

    /// A line of the head that ends in blanks of which one is a tab.
    var hasTabBehindValue: Bool {
        lines.dropFirst().contains { line in
            bytes[line].reversed().prefix { $0 == 0x20 || $0 == 0x09 }.contains(0x09)
        }
    }

    /// The names of all fields, in lower case.
    var names: [String] {
        lines.dropFirst().compactMap { line in
            bytes[line].firstIndex(of: UInt8(ascii: ":")).map { text(line.lowerBound..<$0).lowercased() }
        }
    }

    var startsWithEmptyLine: Bool { bytes.first == 0x0D || bytes.first == 0x0A }

    var requestLine: [String] {
        guard let line = lines.first else { return [] }
        return text(line).split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    }

    /// The values of the fields of that name, which is in lower case, without blanks around.
    func values(_ name: String) -> [String] {
        lines.dropFirst().compactMap { line in
            guard let colon = bytes[line].firstIndex(of: UInt8(ascii: ":")) else { return nil }
            guard text(line.lowerBound..<colon).lowercased() == name else { return nil }
            let value = text((colon + 1)..<line.upperBound)
            let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
            return String(value.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
        }
    }

    var hasOrdinaryRequestLine: Bool {
        let words = requestLine
        guard words.count == 3, words[2].utf8.count == 8, words[2].hasPrefix("HTTP/1.") else { return lines.isEmpty }
        return !words[1].isEmpty && words[2].utf8.last.map(isDigit) ?? false
    }

    var hasOrdinaryTarget: Bool {
        guard requestLine.count > 1 else { return true }
        let target = requestLine[1]
        guard !target.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else { return false }
        if target.hasPrefix("/") || target == "*" && requestLine[0] == "OPTIONS" { return true }
        let parts = target.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, ["http:", "https:"].contains(parts[0].lowercased()), parts[1].isEmpty else {
            return false
        }
        return Self.isHost(String(parts[2].prefix { $0 != "/" && $0 != "?" }))
    }

    /// A line of the head that begins with a blank.
    var isFolded: Bool {
        lines.dropFirst().contains { !$0.isEmpty && [0x20, 0x09].contains(bytes[$0.lowerBound]) }
    }

    /// A line of the head whose name is no token.
    var hasOddName: Bool { lines.dropFirst().contains { !$0.isEmpty && !isField($0) } }

    /// A control character in a line of the head.
    var hasControl: Bool { lines.contains(where: hasControl) }

    var hasOneHost: Bool {
        let hosts = values("host")
        return hosts.count <= 1 && hosts.allSatisfy(Self.isHost)
            && (hosts.count == 1 || requestLine.last == "HTTP/1.0")
    }

    private static func isHost(_ text: String) -> Bool {
        var name = Substring(text)
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            guard text[..<end].dropFirst().allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { return false }
            name = "v6" + text[end...].dropFirst()
            guard text[..<end].count > 1, name == "v6" || name.hasPrefix("v6:") else { return false }
        }
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), !parts[0].isEmpty else { return false }
        let isName = !parts[0].unicodeScalars.contains {
            $0.value <= 0x20 || $0.value >= 0x7F || "/[]@,?#\\<>\"^`{|}".unicodeScalars.contains($0)
        }
        let escapes = parts[0].split(separator: "%", omittingEmptySubsequences: false).dropFirst()
        guard escapes.allSatisfy({ $0.count >= 2 && $0.prefix(2).allSatisfy(\.isHexDigit) }) else { return false }
        return isName && (parts.count == 1 || parts[1].utf8.allSatisfy(isDigit))
    }

    private func isField(_ line: Range<Int>) -> Bool {
        guard let colon = bytes[line].firstIndex(of: UInt8(ascii: ":")), colon > line.lowerBound else { return false }
        return bytes[line.lowerBound..<colon].allSatisfy(Self.isToken)
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte | 0x20) &- 0x61 <= 25 || "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }

    /// The first thing in a chunked body that does not follow RFC 9112 §7.1 to the letter.
    var chunkFault: Difference? {
        var position = headCount
        while let line = line(&position) {
            if bytes[line.upperBound] != 0x0D { return .loneLineEnd }
            let size = sizeLine(line)
            guard let count = size.count else { return size.fault }
            if count == 0 { return trailerFault(position) }
            position += count
            for expected: UInt8 in [0x0D, 0x0A] {
                guard position < bytes.count else { return nil }
                if bytes[position] != expected { return .chunk }
                position += 1
            }
        }
        // A size that has begun.
        guard position < bytes.count else { return nil }
        let end = bytes[position...].firstIndex(of: 0x0D) ?? bytes.count
        return sizeLine(position..<end).fault ?? (hasLoneLineEnd(bytes.count) ? .loneLineEnd : nil)
    }

    private func sizeLine(_ line: Range<Int>) -> (count: Int?, fault: Difference?) {
        let digits = bytes[line].prefix { $0 != UInt8(ascii: ";") }
        guard digits.allSatisfy({ isDigit($0) || ($0 | 0x20) &- 0x61 <= 5 }), (1...16).contains(digits.count),
            let count = Int(String(decoding: digits, as: UTF8.self), radix: 16)
        else { return (nil, .chunk) }
        return hasControl(line) ? (nil, .control) : (count, nil)
    }

    private func trailerFault(_ start: Int) -> Difference? {
        var position = start
        while let line = line(&position), !line.isEmpty {
            if bytes[line.upperBound] != 0x0D { return .loneLineEnd }
            if !isField(line) { return .trailer }
            if hasControl(line) { return .control }
        }
        if hasLoneLineEnd(bytes.count) { return .loneLineEnd }
        // One that has begun.
        let rest = position..<bytes.count
        let name = bytes[rest].prefix { $0 != UInt8(ascii: ":") && $0 != 0x0D }
        if !name.allSatisfy(Self.isToken) { return .trailer }
        return hasControl(position..<(bytes[rest].firstIndex(of: 0x0D) ?? bytes.count)) ? .control : nil
    }

    private func hasControl(_ line: Range<Int>) -> Bool {
        bytes[line].contains { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }
    }

    /// The line at `position`, up to an LF and without a CR before it.
    private func line(_ position: inout Int) -> Range<Int>? {
        guard position < bytes.count, let end = bytes[position...].firstIndex(of: 0x0A) else { return nil }
        let start = position
        position = end + 1
        return start..<(end > start && bytes[end - 1] == 0x0D ? end - 1 : end)
    }
}
