/// The first lines of a response, rendered and kept: status, date and `Connection` seldom differ from those of the last
/// one.
struct ResponseStart {
    private var bytes: UnsafeMutablePointer<UInt8>
    private var capacity = 0
    private var count = 0
    private var keepsAlive = false
    private var dateVersion: UInt32 = 0
    private var status = HTTPStatus.ok

    init() { bytes = .allocate(capacity: 0) }

    /// Writes them.
    @inline(__always)
    mutating func write(
        _ status: borrowing HTTPStatus, keepsAlive: Bool, _ date: HTTPDate, to writer: inout ByteWriter
    ) {
        if !status.isSame(as: self.status) || keepsAlive != self.keepsAlive || dateVersion != date.version {
            render(copy status, keepsAlive, date)
        }
        writer.append(bytes, count)
    }

    @inline(never)
    private mutating func render(_ status: HTTPStatus, _ keepsAlive: Bool, _ date: HTTPDate) {
        let needed = ResponseHead.capacity(status, [:])
        if capacity < needed {
            bytes.deallocate()
            bytes = .allocate(capacity: needed)
            capacity = needed
        }
        var writer = ByteWriter(bytes)
        ResponseHead.start(&writer, status, keepsAlive: keepsAlive, date: date.bytes)
        count = writer.count
        self.status = status
        self.keepsAlive = keepsAlive
        dateVersion = date.version
    }
}
