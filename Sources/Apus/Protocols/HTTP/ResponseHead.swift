import ApusProtocols

/// The head of a response, rendered in one go into memory that is known to be large enough.
///
/// Not isolated: see `ByteWriter`.
nonisolated struct ResponseHead {
    private let status: HTTPStatus
    private let headers: HTTPHeaders
    /// The fields ask for the end of the connection.
    private(set) var asksForClose = false
    private var hasContentType = false
    /// Bytes that suffice.
    private(set) var capacity = 192

    init(_ status: HTTPStatus, _ headers: HTTPHeaders) {
        self.status = status
        self.headers = headers
        capacity += status.reason.utf8.count
        var hasConnection = false
        for (name, value) in headers.fields {
            capacity += name.utf8.count + value.utf8.count + 4
            switch Kind(name) {
            case .contentType: hasContentType = true
            case .connection where !hasConnection:
                hasConnection = true
                asksForClose = value.lowercased().contains("close")
            case .connection, .framing, .other: break
            }
        }
    }

    /// The fields that are looked at.
    private enum Kind {
        case connection, contentType, other
        /// Others that frame the message: Apus writes them alone.
        case framing

        init(_ name: String) {
            switch name.utf8.count {
            case 4: self = Self.matches(name, "date") ? .framing : .other
            case 10: self = Self.matches(name, "connection") ? .connection : .other
            case 12: self = Self.matches(name, "content-type") ? .contentType : .other
            case 14: self = Self.matches(name, "content-length") ? .framing : .other
            case 17: self = Self.matches(name, "transfer-encoding") ? .framing : .other
            default: self = .other
            }
        }

        private static func matches(_ name: String, _ expected: StaticString) -> Bool {
            name.utf8.withContiguousStorageIfAvailable {
                matchesIgnoringCase($0.baseAddress!, count: $0.count, expected)
            } ?? (name.lowercased() == "\(expected)")
        }
    }

    /// `date` points at the rendered date.
    func render(_ framing: HTTPBodyWriter.Framing, keepsAlive: Bool, date: UnsafePointer<UInt8>) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: capacity) { bytes, count in
            count = render(framing, keepsAlive: keepsAlive, date: date, to: bytes.baseAddress!)
        }
    }

    /// The same, to where there is room for `capacity` bytes. Returns how many it took.
    func render(
        _ framing: HTTPBodyWriter.Framing, keepsAlive: Bool, date: UnsafePointer<UInt8>,
        to target: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var writer = ByteWriter(target)
        writer.append("HTTP/1.1 ")
        writer.append(number: status.code)
        writer.append(" ")
        writer.append(text: status.reason)
        writer.append("\r\nDate: ")
        writer.append(date, HTTPDate.count)
        writer.append(keepsAlive ? "\r\nConnection: keep-alive\r\n" : "\r\nConnection: close\r\n")
        writeFields(&writer)
        if status.allowsBody { write(framing, &writer) }
        writer.append("\r\n")
        return writer.count
    }

    private func writeFields(_ writer: inout ByteWriter) {
        for (name, value) in headers.fields {
            switch Kind(name) {
            case .connection, .framing: continue
            case .contentType, .other:
                writer.append(text: name)
                writer.append(": ")
                writer.append(text: value)
                writer.append("\r\n")
            }
        }
    }

    private func write(_ framing: HTTPBodyWriter.Framing, _ writer: inout ByteWriter) {
        if !hasContentType { writer.append("Content-Type: text/html;charset=utf-8\r\n") }
        switch framing {
        case .length(let length):
            writer.append("Content-Length: ")
            writer.append(number: length)
            writer.append("\r\n")
        case .chunked: writer.append("Transfer-Encoding: chunked\r\n")
        case .untilClose, .none: break
        }
    }
}
