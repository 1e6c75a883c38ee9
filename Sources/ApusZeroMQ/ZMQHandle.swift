import CZeroMQ

/// A socket of libzmq, without anything that waits.
struct ZMQHandle {
    let socket: UnsafeMutableRawPointer

    enum Outcome {
        case done
        /// There is nothing, or no room.
        case notNow
    }

    // MARK: Options

    func set(_ option: Int32, _ name: String, _ value: Int32) throws(ZMQError) {
        var value = value
        try check(name, zmq_setsockopt(socket, option, &value, MemoryLayout<Int32>.size))
    }

    func set(_ option: Int32, _ name: String, _ value: Int64) throws(ZMQError) {
        var value = value
        try check(name, zmq_setsockopt(socket, option, &value, MemoryLayout<Int64>.size))
    }

    func set(_ option: Int32, _ name: String, _ value: [UInt8]) throws(ZMQError) {
        try check(name, value.withUnsafeBytes { zmq_setsockopt(socket, option, $0.baseAddress, $0.count) })
    }

    private func check(_ name: String, _ result: Int32) throws(ZMQError) {
        guard result != 0 else { return }
        let reason = String(cString: zmq_strerror(zmq_errno()))
        throw .invalidOption(name, reason: reason)
    }

    func number(_ option: Int32) -> Int32 {
        var value: Int32 = 0
        var size = MemoryLayout<Int32>.size
        while zmq_getsockopt(socket, option, &value, &size) != 0 {
            guard zmq_errno() == EINTR else { return 0 }
        }
        return value
    }

    /// The endpoint that was bound last, with the port that the system chose.
    var lastEndpoint: String {
        var text = [UInt8](repeating: 0, count: 1024)
        var size = text.count
        guard zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, &text, &size) == 0, size > 0 else { return "" }
        return String(decoding: text[..<(size - 1)], as: UTF8.self)
    }

    // MARK: Messages

    /// Sends all parts, or nothing.
    func send(_ parts: [[UInt8]]) throws(ZMQError) -> Outcome {
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            switch try send(part, isLast: isLast) {
            case .done: continue
            case .notNow:
                // The peer went away in the middle: libzmq took the first parts back, and drops the rest, which it
                // wants to see, or it would drop the next message.
                if index > 0, !isLast {
                    for (next, part) in parts.enumerated().dropFirst(index + 1) {
                        _ = try send(part, isLast: next == parts.count - 1)
                    }
                }
                return .notNow
            }
        }
        return .done
    }

    private func send(_ part: [UInt8], isLast: Bool) throws(ZMQError) -> Outcome {
        let flags = ZMQ_DONTWAIT | (isLast ? 0 : ZMQ_SNDMORE)
        while true {
            let sent = part.withUnsafeBytes { zmq_send(socket, $0.baseAddress, $0.count, flags) }
            if sent >= 0 { return .done }
            switch zmq_errno() {
            case EINTR: continue
            case EAGAIN: return .notNow
            default: throw .last("send messages")
            }
        }
    }

    /// The next message; nil when there is none, or it is not the turn to receive.
    func receive() throws(ZMQError) -> ZMQMessage? {
        var part = zmq_msg_t()
        zmq_msg_init(&part)
        defer { zmq_msg_close(&part) }
        var parts: [[UInt8]] = []
        while true {
            guard zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) >= 0 else {
                switch zmq_errno() {
                case EINTR: continue
                case EAGAIN, ZMQErrno.wrongState: return nil
                default: throw .last("receive messages")
                }
            }
            parts.append(Array(UnsafeRawBufferPointer(start: zmq_msg_data(&part), count: zmq_msg_size(&part))))
            if zmq_msg_more(&part) == 0 { return ZMQMessage(parts: parts) }
        }
    }
}
