import ApusProtocols
import RequestCases

/// Reads a request as the specification is written, rule by rule on complete lines: slow, and independent of the
/// parser, to compare with. It does not tell errors apart, and judges nothing before the head is complete.
struct ReferenceReader {
    private let limits: HTTPRequestLimits
    private var request = ReadRequest()

    private enum Stop: Error { case refused, incomplete }
    private typealias Fields = [(name: String, value: String)]

    private init(_ limits: HTTPRequestLimits) { self.limits = limits }

    static func read(_ bytes: [UInt8], limits: HTTPRequestLimits) -> Reading {
        var reader = ReferenceReader(limits)
        do {
            try reader.read(bytes)
            return .request(reader.request)
        } catch Stop.incomplete {
            return .incomplete
        } catch {
            return .refused(.badRequest)
        }
    }

    private mutating func read(_ bytes: [UInt8]) throws {
        guard let end = Self.find([13, 10, 13, 10], in: bytes, from: 0) else { throw Stop.incomplete }
        try require(end < limits.maxHeadBytes)
        // Latin-1 keeps one character per byte.
        let lines = Self.lines(bytes[..<end])
        try readRequestLine(lines[0])
        let fields = try lines.dropFirst().map { try readField($0) }
        try require(fields.count <= limits.maxFields)
        let authority = try readAuthority()
        request.fields = fields.map { field in
            let isHost = field.name.lowercased() == "host"
            return Self.utf8(field.name) + ": " + (isHost ? authority ?? field.value : Self.utf8(field.value))
        }
        let hosts = Self.values("host", fields)
        try require(hosts.count <= 1 && (hosts.count == 1 || request.minorVersion == 0))
        for host in hosts { try checkHost(host) }
        let expectations = Self.values("expect", fields).map { $0.lowercased() }
        try require(expectations.allSatisfy { $0 == "100-continue" })
        request.expectsContinue = !expectations.isEmpty && request.minorVersion > 0
        let options = Self.values("connection", fields).flatMap { $0.lowercased().split(separator: ",") }.map(Self.trim)
        let isCoded = !Self.values("transfer-encoding", fields).isEmpty
        request.keepsAlive =
            !options.contains("close") && (request.minorVersion > 0 || options.contains("keep-alive") && !isCoded)
        try readBody(bytes, from: end + 4, fields)
    }

    private mutating func readRequestLine(_ line: String) throws {
        let parts = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        try require(parts.count == 3)
        guard let method = HTTPMethod.allCases.first(where: { $0.name == parts[0] }) else { throw Stop.refused }
        let target = parts[1].unicodeScalars
        try require(!target.isEmpty && target.allSatisfy { $0.value > 0x20 && $0.value != 0x7F })
        let version = Array(parts[2].utf8)
        try require(version.count == 8 && parts[2].hasPrefix("HTTP/1.") && (48...57).contains(version[7]))
        request.method = method
        request.target = Self.utf8(parts[1])
        request.minorVersion = version[7] == 48 ? 0 : 1
    }

    /// What an absolute target names as host and port; nil for a path and for `*`.
    private func readAuthority() throws -> String? {
        let target = request.target
        if target.hasPrefix("/") || target == "*" && request.method == .options { return nil }
        let parts = target.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        try require(parts.count == 3 && ["http:", "https:"].contains(parts[0].lowercased()) && parts[1].isEmpty)
        let authority = String(parts[2].prefix { $0 != "/" && $0 != "?" })
        try checkHost(authority)
        return authority
    }

    private func readField(_ line: String) throws -> (name: String, value: String) {
        let scalars = line.unicodeScalars
        guard let colon = scalars.firstIndex(of: ":") else { throw Stop.refused }
        let name = String(scalars[..<colon])
        let value = String(scalars[colon...].dropFirst())
        try require(Self.isToken(name))
        try require(value.unicodeScalars.allSatisfy { $0 == "\t" || ($0.value >= 0x20 && $0.value != 0x7F) })
        return (name, Self.trim(value))
    }

    private func checkHost(_ host: String) throws {
        var name = host
        if let close = host.lastIndex(of: "]"), host.hasPrefix("[") {
            let address = host[..<close].dropFirst()
            try require(
                !address.isEmpty && address.allSatisfy { $0.isHexDigit && $0.isASCII || $0 == ":" || $0 == "." })
            name = "v6" + host[close...].dropFirst()
        }
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        try require(
            parts.count <= 2 && !parts[0].isEmpty && (!name.hasPrefix("v6") || parts[0] == "v6" || host == name))
        try require(
            !parts[0].unicodeScalars.contains {
                $0.value <= 0x20 || $0.value >= 0x7F || "/[]@,?#\\<>\"^`{|}".contains(Character($0))
            })
        let escapes = parts[0].split(separator: "%", omittingEmptySubsequences: false).dropFirst()
        try require(
            escapes.allSatisfy { $0.prefix(2).count == 2 && $0.prefix(2).allSatisfy { $0.isHexDigit && $0.isASCII } })
        try require(parts.count == 1 || parts[1].utf8.allSatisfy { (48...57).contains($0) })
    }

    private mutating func readBody(_ bytes: [UInt8], from start: Int, _ fields: Fields) throws {
        let lengths = Self.values("content-length", fields)
        let codings = Self.values("transfer-encoding", fields)
        try require(lengths.count + codings.count <= 1 && start <= limits.maxMessageBytes)
        if let coding = codings.first {
            try require(coding.lowercased() == "chunked")
            return try readChunks(bytes, from: start)
        }
        let length = lengths.first ?? "0"
        try require(!length.isEmpty && length.utf8.allSatisfy { (48...57).contains($0) })
        let count = Int(length) ?? .max
        try require(count <= limits.maxMessageBytes - start)
        guard start + count <= bytes.count else { throw Stop.incomplete }
        request.body = String(decoding: bytes[start..<(start + count)], as: UTF8.self)
        request.byteCount = start + count
    }

    private mutating func readChunks(_ bytes: [UInt8], from start: Int) throws {
        var position = start
        var body: [UInt8] = []
        while true {
            let line = try nextLine(bytes, &position)
            let size = line.unicodeScalars.prefix { $0 != ";" }
            try require((1...16).contains(size.count) && size.allSatisfy { $0.properties.isASCIIHexDigit })
            guard let count = Int(String(size), radix: 16), count <= limits.maxMessageBytes - position else {
                throw Stop.refused
            }
            if count == 0 { break }
            guard position + count + 2 <= bytes.count else { throw Stop.incomplete }
            body += bytes[position..<(position + count)]
            position += count
            try require(bytes[position] == 13 && bytes[position + 1] == 10)
            position += 2
        }
        let trailers = position
        var end = position
        while true {
            let line = try nextLine(bytes, &position)
            if line.isEmpty { break }
            _ = try readField(line)
            end = position
        }
        try require(position <= limits.maxMessageBytes)
        request.body = String(decoding: body, as: UTF8.self)
        request.trailers = String(decoding: bytes[trailers..<end], as: UTF8.self)
        request.byteCount = position
    }

    /// The line up to CRLF, without control characters.
    private func nextLine(_ bytes: [UInt8], _ position: inout Int) throws -> String {
        guard let end = Self.find([13, 10], in: bytes, from: position) else { throw Stop.incomplete }
        let line = Self.lines(bytes[position..<end])[0]
        position = end + 2
        try require(line.unicodeScalars.allSatisfy { $0 == "\t" || ($0.value >= 0x20 && $0.value != 0x7F) })
        return line
    }

    // MARK: Text

    private func require(_ condition: Bool) throws { if !condition { throw Stop.refused } }

    private static func find(_ wanted: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard start + wanted.count <= bytes.count else { return nil }
        return (start...(bytes.count - wanted.count)).first { i in
            bytes[i] == wanted[0] && bytes[i..<(i + wanted.count)].elementsEqual(wanted)
        }
    }

    private static func lines(_ bytes: ArraySlice<UInt8>) -> [String] {
        var lines = [String.UnicodeScalarView()]
        var rest = bytes
        while let byte = rest.popFirst() {
            if byte == 13, rest.first == 10 {
                rest.removeFirst()
                lines.append(String.UnicodeScalarView())
            } else {
                lines[lines.count - 1].append(Unicode.Scalar(byte))
            }
        }
        return lines.map { String($0) }
    }

    /// The text whose UTF-8 the Latin-1 characters are.
    private static func utf8(_ latin: String) -> String {
        String(decoding: latin.unicodeScalars.map { UInt8($0.value) }, as: UTF8.self)
    }

    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.unicodeScalars.allSatisfy { scalar in
                scalar.isASCII
                    && (scalar.properties.isAlphabetic || (48...57).contains(scalar.value)
                        || "!#$%&'*+-.^_`|~".unicodeScalars.contains(scalar))
            }
    }

    private static func trim(_ text: some StringProtocol) -> String {
        let isBlank: (Unicode.Scalar) -> Bool = { $0 == " " || $0 == "\t" }
        let scalars = text.unicodeScalars.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
        return String(String.UnicodeScalarView(scalars))
    }

    private static func values(_ name: String, _ fields: Fields) -> [String] {
        fields.filter { $0.name.lowercased() == name }.map(\.value)
    }
}
