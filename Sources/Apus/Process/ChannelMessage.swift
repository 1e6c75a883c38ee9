import CApus

/// What master and worker say to each other over the channel between them: one message each, of this byte, and perhaps
/// text or a descriptor.
enum ChannelMessage: UInt8 {
    // From the worker.

    /// Started, accepting.
    case ready = 0x52
    /// This process has served enough: replace it.
    case recycle = 0x43
    /// Stop the service, at once or gracefully.
    case stopService = 0x58
    case stopServiceGracefully = 0x59
    /// `reload` of the service, and `reload -g`.
    case reloadService = 0x4D
    case reloadServiceGracefully = 0x57
    /// The connections that were asked for, in the file that comes with it.
    case report = 0x50
    /// A line for the log, from a process that may not write there.
    case log = 0x4F

    // From the master.

    /// Stop now.
    case stop = 0x53
    /// Stop when the connections have gone.
    case stopGracefully = 0x47
    /// Your replacement is accepting; finish what is under way and leave. A daemon's output, opened anew, comes with
    /// it, as with the next two.
    case drain = 0x44
    /// As `drain`, without a deadline.
    case drainGracefully = 0x45
    /// `reload` for a worker that stays.
    case reload = 0x4C
    /// Report your connections, as rows of text or as JSON.
    case connections = 0x54
    case connectionsJSON = 0x4A
    /// There is another process, whose inbox comes with it: see `PeerNews`.
    case peer = 0x4E
    /// The one of this number has ended.
    case peerGone = 0x46

    /// What a channel has to give.
    enum Arrival {
        case message(ChannelMessage, text: String, passed: Int32)
        case nothing
        /// The other side is gone.
        case closed
    }

    /// Bytes of one message.
    private static let capacity = 16 * 1024

    /// False when the other side does not take it.
    @discardableResult
    static func send(_ message: ChannelMessage, on fd: Int32, text: String = "", passing passed: Int32 = -1) -> Bool {
        let bytes = [message.rawValue] + text.utf8.prefix(capacity - 1)
        return bytes.withUnsafeBytes { capus_send_descriptor(fd, $0.baseAddress!, $0.count, passed) } > 0
    }

    static func receive(_ fd: Int32) -> Arrival {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { bytes in
            var passed: Int32 = -1
            let count = capus_receive_descriptor(fd, bytes.baseAddress!, bytes.count, &passed)
            if count == -Int(CAPUS_WOULD_BLOCK) { return .nothing }
            guard count > 0 else { return .closed }
            guard let message = ChannelMessage(rawValue: bytes[0]) else {
                if passed >= 0 { capus_close(passed) }
                return .nothing
            }
            return .message(message, text: String(decoding: bytes[1..<count], as: UTF8.self), passed: passed)
        }
    }
}
