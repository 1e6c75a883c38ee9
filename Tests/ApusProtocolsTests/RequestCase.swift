import ApusProtocols
import Testing

/// One raw request with what must become of it, and the clause that says so.
struct RequestCase: Sendable, CustomTestStringConvertible {
    let name: String
    /// A section of the specification, or of an RFC.
    let clause: String
    let bytes: [UInt8]
    let expected: Reading
    var limits = HTTPRequestLimits()

    var testDescription: String { "\(name) [\(clause)]" }

    /// A case that is one complete request. Its length is that of the bytes, and so are its fields unless given.
    static func request(
        _ name: String, _ clause: String, _ bytes: [UInt8], method: HTTPMethod = .get, target: String = "/",
        minor: UInt8 = 1, body: String = "", trailers: String = "", keepsAlive: Bool = true, expects: Bool = false,
        fields: [String]? = nil, limits: HTTPRequestLimits = HTTPRequestLimits()
    ) -> RequestCase {
        let request = ReadRequest(
            method: method, target: target, minorVersion: minor, fields: fields ?? fieldLines(of: bytes), body: body,
            trailers: trailers, keepsAlive: keepsAlive, expectsContinue: expects, byteCount: bytes.count)
        return RequestCase(name: name, clause: clause, bytes: bytes, expected: .request(request), limits: limits)
    }

    /// A case that is answered with an error.
    static func refused(
        _ error: HTTPRequestError, _ name: String, _ clause: String, _ bytes: [UInt8],
        limits: HTTPRequestLimits = HTTPRequestLimits()
    ) -> RequestCase {
        RequestCase(name: name, clause: clause, bytes: bytes, expected: .refused(error), limits: limits)
    }

    /// A case that is the beginning of a request.
    static func incomplete(
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
func head(_ lines: String..., body: String = "") -> [UInt8] {
    lines.flatMap { Array($0.utf8) + [0x0D, 0x0A] } + [0x0D, 0x0A] + Array(body.utf8)
}

/// The bytes of `text` as they are.
func raw(_ text: String) -> [UInt8] { Array(text.utf8) }

/// `bytes` with every `§` replaced by one byte that a `String` cannot hold or show.
func raw(_ text: String, _ byte: UInt8) -> [UInt8] {
    Array(text.split(separator: "§", omittingEmptySubsequences: false).map { Array($0.utf8) }.joined(separator: [byte]))
}

extension RequestCase {
    private static let neighbour = request(
        "neighbour", "", head("POST /n HTTP/1.1", "Host: n", "Content-Length: 2", body: "ok"), method: .post,
        target: "/n", body: "ok")

    /// Reads the case whole, split in two at every position, byte by byte, and between other requests. Returns the
    /// first way in which it is not read as expected.
    func firstDeviation() -> String? {
        let before = Self.neighbour.bytes
        let memory = GuardedMemory(capacity: bytes.count + 2 * before.count)
        if let fault = deviationAlone(memory) { return fault }
        let other = Self.neighbour.expected
        if let fault = deviation(memory, before + bytes, [other, expected], "after another request") { return fault }
        guard expected != .incomplete else { return nil }
        let rest = if case .request = expected { [other] } else { [] as [Reading] }
        return deviation(memory, bytes + before, [expected] + rest, "before another request")
            ?? deviation(memory, before + bytes + before, [other, expected] + rest, "between other requests")
    }

    private func deviationAlone(_ memory: GuardedMemory) -> String? {
        // A prefix is never a request, and is refused only as the whole is.
        for count in positions(bytes.count) {
            let readings = memory.read(Array(bytes[..<count]), arrivals: [count], limits: limits)
            if readings != [.incomplete], readings != [expected] || isRequest {
                return "the first \(count) bytes were read as \(readings)"
            }
        }
        return deviation(memory, bytes, [expected], "alone")
    }

    private var isRequest: Bool { if case .request = expected { true } else { false } }

    private func deviation(_ memory: GuardedMemory, _ stream: [UInt8], _ wanted: [Reading], _ how: String) -> String? {
        func check(_ arrivals: some Sequence<Int>, _ pieces: String) -> String? {
            let readings = memory.read(stream, arrivals: arrivals, limits: limits)
            return readings == wanted ? nil : "\(how), \(pieces): \(readings) instead of \(wanted)"
        }
        if let fault = check([stream.count], "whole") { return fault }
        for position in positions(stream.count) {
            if let fault = check([position, stream.count], "split after \(position) bytes") { return fault }
        }
        if stream.count <= Self.longest { return check(1...stream.count, "byte by byte") }
        return check(positions(stream.count) + [stream.count], "in small pieces")
    }

    /// Up to this length every position is tried.
    private static let longest = 2048

    /// Where to split: everywhere; in a long stream near its ends and near each limit, and now and then between.
    private func positions(_ count: Int) -> [Int] {
        guard count > Self.longest else { return Array(1..<max(count, 1)) }
        let special = [0, count, limits.maxHeadBytes, limits.maxMessageBytes, bytes.count]
        return (1..<count).filter { position in position % 97 == 0 || special.contains { abs($0 - position) < 80 } }
    }
}
