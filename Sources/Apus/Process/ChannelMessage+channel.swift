import CApus

extension ChannelMessage {
    /// What a channel has to give.
    enum Arrival {
        case message(ChannelMessage, text: String, passed: Int32)
        case nothing
        /// The other side is gone.
        case closed
    }

    /// False when the other side does not take it.
    @discardableResult
    static func send(_ message: ChannelMessage, on fd: Int32, text: String = "", passing passed: Int32 = -1) -> Bool {
        message.bytes(text).withUnsafeBytes { capus_send_descriptor(fd, $0.baseAddress!, $0.count, passed) } > 0
    }

    static func receive(_ fd: Int32) -> Arrival {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { bytes in
            var passed: Int32 = -1
            let count = capus_receive_descriptor(fd, bytes.baseAddress!, bytes.count, &passed)
            // A failure passes, and who has gone is found at the end of what it has sent.
            if count < 0 { return .nothing }
            guard count > 0 else { return .closed }
            guard let (message, text) = read(UnsafeRawBufferPointer(start: bytes.baseAddress, count: count)) else {
                if passed >= 0 { capus_close(passed) }
                return .nothing
            }
            return .message(message, text: text, passed: passed)
        }
    }
}
