/// The head of a 200 response, rendered up to the value of `Content-Length` and kept: most servers send few different
/// ones.
struct ResponseHeads {
    private let bytes: UnsafeMutablePointer<UInt8>
    private static let capacity = 512
    private var count = 0
    private var keepsAlive = false
    private var dateVersion: UInt32 = 0
    /// The content type, and its two words: equal words are equal strings, and comparing them costs no retain.
    private var contentType = ""
    private var contentTypeWords: (UInt, UInt) = (0, 0)

    init() {
        bytes = .allocate(capacity: Self.capacity)
    }

    /// Writes the head up to `Content-Length: `; returns its length.
    @inline(__always)
    mutating func write(
        _ contentType: String, keepsAlive: Bool, _ date: HTTPDate, to target: UnsafeMutablePointer<UInt8>
    ) -> Int {
        let words = unsafeBitCast(contentType, to: (UInt, UInt).self)
        if words != contentTypeWords || keepsAlive != self.keepsAlive || dateVersion != date.version {
            render(contentType, keepsAlive, date)
        }
        target.initialize(from: bytes, count: count)
        return count
    }

    private mutating func render(_ contentType: String, _ keepsAlive: Bool, _ date: HTTPDate) {
        var writer = ByteWriter(bytes)
        writer.append("HTTP/1.1 200 OK\r\nDate: ")
        writer.append(date.bytes, HTTPDate.count)
        writer.append(keepsAlive ? "\r\nConnection: keep-alive\r\n" : "\r\nConnection: close\r\n")
        writer.append("Content-Type: ")
        writer.append(text: contentType)
        writer.append("\r\nContent-Length: ")
        count = writer.count
        self.keepsAlive = keepsAlive
        dateVersion = date.version
        self.contentType = contentType
        contentTypeWords = unsafeBitCast(contentType, to: (UInt, UInt).self)
    }
}
