import CApus

/// What master and worker say to each other over the channel between them: one message each, of this byte and perhaps a
/// descriptor.
enum ChannelMessage: UInt8 {
    // From the worker.

    /// Started, accepting.
    case ready = 0x52
    /// This process has served enough: replace it.
    case recycle = 0x43
    /// Stop the service, at once or gracefully.
    case stopService = 0x58
    case stopServiceGracefully = 0x59
    /// The connections that were asked for, in the file that comes with it.
    case report = 0x50

    // From the master.

    /// Stop now.
    case stop = 0x53
    /// Stop when the connections have gone.
    case stopGracefully = 0x47
    /// Your replacement is accepting; finish what is under way and leave.
    case drain = 0x44
    /// As `drain`, without a deadline.
    case drainGracefully = 0x45
    /// `reload` for a worker that stays.
    case reload = 0x4C
    /// Report your connections, as rows of text or as JSON.
    case connections = 0x54
    case connectionsJSON = 0x4A

    /// What a channel has to give.
    enum Arrival {
        case message(ChannelMessage, passed: Int32)
        case nothing
        /// The other side is gone.
        case closed
    }

    static func send(_ message: ChannelMessage, on fd: Int32, passing passed: Int32 = -1) {
        var byte = message.rawValue
        _ = capus_send_descriptor(fd, &byte, 1, passed)
    }

    static func receive(_ fd: Int32) -> Arrival {
        var byte: UInt8 = 0
        var passed: Int32 = -1
        let count = capus_receive_descriptor(fd, &byte, 1, &passed)
        if count == -Int(CAPUS_WOULD_BLOCK) { return .nothing }
        guard count == 1 else { return .closed }
        guard let message = ChannelMessage(rawValue: byte) else {
            if passed >= 0 { capus_close(passed) }
            return .nothing
        }
        return .message(message, passed: passed)
    }
}
