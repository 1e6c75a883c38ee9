import CApus

/// Response heads, rendered up to the value of `Content-Length`: most servers send few different ones.
final class HTTPHeadCache {
    private let bytes: UnsafeMutablePointer<UInt8>
    private static let capacity = 512
    @exclusivity(unchecked) private var count = 0
    @exclusivity(unchecked) private var contentType = ""
    @exclusivity(unchecked) private var keepsAlive = false
    @exclusivity(unchecked) private var dateOffset = 0
    @exclusivity(unchecked) private var dateVersion: UInt32 = 0

    init() {
        bytes = .allocate(capacity: Self.capacity)
    }

    /// Writes the head of a 200 response up to `Content-Length: `; returns its length, 0 when it cannot be cached.
    @inline(__always)
    func write(_ type: ContentType, keepsAlive: Bool, _ date: HTTPDate, to target: UnsafeMutablePointer<UInt8>) -> Int {
        if type.value != contentType || keepsAlive != self.keepsAlive || dateVersion != date.version {
            guard render(type, keepsAlive, date) else { return 0 }
        }
        target.update(from: bytes, count: count)
        return count
    }

    private func render(_ type: ContentType, _ keepsAlive: Bool, _ date: HTTPDate) -> Bool {
        guard type.value.utf8.count < 256 else { return false }
        var writer = ByteWriter(bytes)
        writer.append("HTTP/1.1 200 OK\r\nDate: ")
        dateOffset = writer.count
        writer.append(date.bytes, HTTPDate.count)
        writer.append(keepsAlive ? "\r\nConnection: keep-alive\r\nContent-Type: " : "\r\nConnection: close\r\nContent-Type: ")
        writer.append(text: type.value)
        writer.append("\r\nContent-Length: ")
        count = writer.count
        contentType = type.value
        self.keepsAlive = keepsAlive
        dateVersion = date.version
        return true
    }
}
