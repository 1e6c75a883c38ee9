import ApusProtocols

/// One raw request with what must become of it, and the clause that says so.
package struct RequestCase: Sendable, CustomStringConvertible {
    package let name: String
    /// Sections of RFCs.
    package let clause: String
    package let bytes: [UInt8]
    package let expected: Reading
    package var limits = HTTPRequestLimits()

    package var description: String { "\(name) [\(clause)]" }

    /// A case that is one complete request. Its length is that of the bytes, and so are its fields unless given.
    package static func request(
        _ name: String, _ clause: String, _ bytes: [UInt8], method: HTTPMethod = .get, target: String = "/",
        minor: UInt8 = 1, body: String = "", trailers: String = "", keepsAlive: Bool = true, expects: Bool = false,
        fields: [String]? = nil, limits: HTTPRequestLimits = HTTPRequestLimits()
    ) -> RequestCase {
        var request = ReadRequest()
        request.method = method
        request.target = target
        request.minorVersion = minor
        request.fields = fields ?? fieldLines(of: bytes)
        request.body = body
        request.trailers = trailers
        request.keepsAlive = keepsAlive
        request.expectsContinue = expects
        request.byteCount = bytes.count
        return RequestCase(name: name, clause: clause, bytes: bytes, expected: .request(request), limits: limits)
    }

    /// A case that is answered with an error.
    package static func refused(
        _ error: HTTPRequestError, _ name: String, _ clause: String, _ bytes: [UInt8],
        limits: HTTPRequestLimits = HTTPRequestLimits()
    ) -> RequestCase {
        RequestCase(name: name, clause: clause, bytes: bytes, expected: .refused(error), limits: limits)
    }

    /// A case that is the beginning of a request.
    package static func incomplete(
        _ name: String, _ clause: String, _ bytes: [UInt8], limits: HTTPRequestLimits = HTTPRequestLimits()
    ) -> RequestCase {
        RequestCase(name: name, clause: clause, bytes: bytes, expected: .incomplete, limits: limits)
    }

    /// The field lines of a head, cut without the parser.
    private static func fieldLines(of bytes: [UInt8]) -> [String] {
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map { $0.dropLast() }
        return lines.dropFirst().prefix { !$0.isEmpty }.map { line in
            let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
            let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
            let value = line[colon...].dropFirst().drop(while: isBlank).reversed().drop(while: isBlank).reversed()
            return String(decoding: line[..<colon], as: UTF8.self) + ": " + String(decoding: value, as: UTF8.self)
        }
    }
}

/// A head of the lines, each ended by CRLF, and the empty line.
package func head(_ lines: String..., body: String = "") -> [UInt8] {
    lines.flatMap { Array($0.utf8) + [0x0D, 0x0A] } + [0x0D, 0x0A] + Array(body.utf8)
}

/// The bytes of `text` as they are.
package func raw(_ text: String) -> [UInt8] { Array(text.utf8) }

/// `bytes` with every `§` replaced by one byte that a `String` cannot hold or show.
package func raw(_ text: String, _ byte: UInt8) -> [UInt8] {
    Array(text.split(separator: "§", omittingEmptySubsequences: false).map { Array($0.utf8) }.joined(separator: [byte]))
}
