/// The first lines of a response, rendered and kept: status, date and `Connection` seldom differ from those of the last
/// one.
struct ResponseStart {
    private var bytes: UnsafeMutablePointer<UInt8>
    private var capacity = 0
    private var count = 0
    private var keepsAlive = false
    private var dateVersion: UInt32 = 0
    private var code = 0
    /// The reason, and its two words: equal words are equal strings, and comparing them costs no retain.
    private var reason = ""
    private var reasonWords: (UInt, UInt) = (0, 0)

    init() { bytes = .allocate(capacity: 0) }

    /// Writes them.
    @inline(__always)
    mutating func write(
        _ code: Int, _ reason: String, keepsAlive: Bool, _ date: HTTPDate, to writer: inout ByteWriter
    ) {
        let words = unsafeBitCast(reason, to: (UInt, UInt).self)
        if code != self.code || words != reasonWords || keepsAlive != self.keepsAlive || dateVersion != date.version {
            render(code, reason, keepsAlive, date)
        }
        writer.append(bytes, count)
    }

    @inline(never)
    private mutating func render(_ code: Int, _ reason: String, _ keepsAlive: Bool, _ date: HTTPDate) {
        let needed = 192 + reason.utf8.count
        if capacity < needed {
            bytes.deallocate()
            bytes = .allocate(capacity: needed)
            capacity = needed
        }
        var writer = ByteWriter(bytes)
        Self.render(code, reason, keepsAlive: keepsAlive, date: date.bytes, to: &writer)
        count = writer.count
        self.code = code
        self.reason = reason
        reasonWords = unsafeBitCast(reason, to: (UInt, UInt).self)
        self.keepsAlive = keepsAlive
        dateVersion = date.version
    }

    /// Renders them; `date` points at the rendered date.
    nonisolated static func render(
        _ code: Int, _ reason: String, keepsAlive: Bool, date: UnsafePointer<UInt8>, to writer: inout ByteWriter
    ) {
        writer.append("HTTP/1.1 ")
        writer.append(number: code)
        writer.append(" ")
        writer.append(text: reason)
        writer.append("\r\nDate: ")
        writer.append(date, HTTPDate.count)
        writer.append(keepsAlive ? "\r\nConnection: keep-alive\r\n" : "\r\nConnection: close\r\n")
    }
}
