/// Why something that was asked of a NATS server has not happened.
public nonisolated enum NATSError: Error, Sendable, Hashable, CustomStringConvertible {
    /// There was no connection in time, or it took no more: why. Nothing was sent.
    case unavailable(String)
    /// The connection broke before the answer came. What was sent may have arrived.
    case connectionLost(String)
    /// There was no answer in so many seconds. What was sent may have arrived.
    case timedOut(Double)
    /// Nobody listens to the subject of a request.
    case noResponders
    /// The server refused: what it said.
    case refused(String)
    /// So many bytes wait to be sent already. Nothing was sent.
    case sendBufferFull(Int)
    /// A subject, a header or a payload that cannot be sent.
    case invalidMessage(String)
    /// The address of a server cannot be understood.
    case invalidAddress(String, reason: String)
    /// The client was closed.
    case closed

    /// One line for the log.
    public var description: String {
        switch self {
        case .unavailable(let reason): "no NATS server is there: \(reason)"
        case .connectionLost(let reason): "the connection to the NATS server broke: \(reason)"
        case .timedOut(let seconds): "no answer over NATS in \(seconds) seconds"
        case .noResponders: "nobody listens to the subject of the request"
        case .refused(let reason): "the NATS server refuses: \(reason)"
        case .sendBufferFull(let bytes): "\(bytes) bytes wait for the NATS server already"
        case .invalidMessage(let reason): reason
        case .invalidAddress(let text, let reason): "address \"\(text)\": \(reason)"
        case .closed: "the NATS client was closed"
        }
    }
}
