/// A response as it came over the wire.
public struct HTTPReply: Sendable {
    /// "HTTP/1.1 200 OK"
    public let statusLine: String
    /// The fields in order, names as they were sent.
    public let headers: [(name: String, value: String)]
    /// What followed a chunked body, field by field.
    public internal(set) var trailers: [String] = []
    /// The body; empty when there is none.
    public internal(set) var body: [UInt8] = []

    init(head: [UInt8]) throws {
        var lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
        statusLine = String(lines.removeFirst())
        headers = try lines.filter { !$0.isEmpty }.map { line in
            guard let colon = line.firstIndex(of: ":") else { throw Failure("header line without a colon: \(line)") }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            return (String(line[..<colon]), String(value))
        }
        guard statusLine.hasPrefix("HTTP/1.1 ") else { throw Failure("not a status line: \(statusLine)") }
    }

    /// The status code.
    public var status: Int { Int(statusLine.split(separator: " ")[1]) ?? 0 }
    /// The body as text.
    public var text: String { String(decoding: body, as: UTF8.self) }
    /// The value of a field; nil when it is missing.
    public subscript(name: String) -> String? { headers.first { $0.name.lowercased() == name.lowercased() }?.value }
    /// How often a field is there.
    public func count(_ name: String) -> Int { headers.count { $0.name.lowercased() == name.lowercased() } }
}

extension Client {
    /// Reads one response. `toHead`: it answers HEAD, so that no body follows.
    public func readReply(toHead: Bool = false, within seconds: Double = patience) throws -> HTTPReply {
        var reply = try HTTPReply(head: read(through: "\r\n\r\n", within: seconds))
        if toHead || reply.status < 200 || reply.status == 204 || reply.status == 304 { return reply }
        if reply["Transfer-Encoding"] == "chunked" {
            try readChunks(into: &reply, within: seconds)
            return reply
        }
        guard let length = reply["Content-Length"].flatMap({ Int($0) }) else {
            throw Failure("no length in \(reply)")
        }
        reply.body = try read(length, within: seconds)
        return reply
    }

    private func readChunks(into reply: inout HTTPReply, within seconds: Double) throws {
        while true {
            let line = try read(through: "\r\n", within: seconds).dropLast(2)
            guard let size = Int(String(decoding: line, as: UTF8.self), radix: 16) else {
                throw Failure("no size of a chunk: \(line)")
            }
            if size == 0 { break }
            reply.body += try read(size, within: seconds)
            guard try read(2, within: seconds) == [0x0D, 0x0A] else { throw Failure("no end of a chunk") }
        }
        while true {
            let line = try read(through: "\r\n", within: seconds).dropLast(2)
            if line.isEmpty { return }
            reply.trailers.append(String(decoding: line, as: UTF8.self))
        }
    }

    /// Sends a request without body and reads the answer.
    public func get(_ target: String, within seconds: Double = patience) throws -> HTTPReply {
        try send("GET \(target) HTTP/1.1\r\nHost: test\r\n\r\n")
        return try readReply(within: seconds)
    }

    /// Sends a request with a body and reads the answer.
    public func post(_ target: String, _ body: [UInt8], within seconds: Double = patience) throws -> HTTPReply {
        try send("POST \(target) HTTP/1.1\r\nHost: test\r\nContent-Length: \(body.count)\r\n\r\n")
        try send(body, within: seconds)
        return try readReply(within: seconds)
    }
}
