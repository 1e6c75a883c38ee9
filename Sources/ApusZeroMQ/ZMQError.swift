import CZeroMQ

/// Why something that was asked of a ZeroMQ socket has not happened.
public nonisolated enum ZMQError: Error, Sendable, Hashable, CustomStringConvertible {
    /// There was no room for the message within `ZMQOptions.sendTimeout`: the queues of all peers are full, or there
    /// is no peer. It was not sent.
    case sendTimedOut
    /// No reply came in time. The request may have been handled, or may be yet.
    case replyTimedOut
    /// `ZMQOptions.maxWaitingSends` messages wait for room already. The message was not sent.
    case tooManyWaiting(Int)
    /// It is not the turn of this side: a REQ socket sends and receives alternately, a REP socket receives first.
    case wrongTurn
    /// The type of the socket does not do that: a PUB socket receives nothing, a SUB socket sends nothing.
    case unsupported(String)
    /// A ROUTER socket has no peer of the identity that stands in front of the message. It was not sent.
    case noSuchPeer
    /// A message has at least one part.
    case emptyMessage
    /// The endpoint is in use by somebody else.
    case addressInUse(String)
    /// The endpoint cannot be understood, or its transport is unknown.
    case invalidEndpoint(String, reason: String)
    /// The value of an option is refused.
    case invalidOption(String, reason: String)
    /// The socket was closed.
    case closed
    /// What libzmq says otherwise: the call, and the reason.
    case failed(String, reason: String)

    /// One line for the log.
    public var description: String {
        switch self {
        case .sendTimedOut: "no peer took the message in time"
        case .replyTimedOut: "no reply came in time"
        case .tooManyWaiting(let count): "\(count) messages wait for room already"
        case .wrongTurn: "it is not this side's turn to do that"
        case .unsupported(let what): "the socket does not \(what)"
        case .noSuchPeer: "there is no peer of this identity"
        case .emptyMessage: "a message has at least one part"
        case .addressInUse(let endpoint): "\(endpoint) is in use"
        case .invalidEndpoint(let endpoint, let reason): "endpoint \"\(endpoint)\": \(reason)"
        case .invalidOption(let option, let reason): "option \(option): \(reason)"
        case .closed: "the socket was closed"
        case .failed(let call, let reason): "\(call): \(reason)"
        }
    }

    /// What the call that has just failed says.
    static func last(_ call: String) -> ZMQError {
        let code = zmq_errno()
        switch code {
        case ZMQErrno.wrongState: return .wrongTurn
        case ENOTSUP: return .unsupported(call)
        case EHOSTUNREACH: return .noSuchPeer
        case ENOTSOCK, ZMQErrno.terminated: return .closed
        default: return .failed(call, reason: String(cString: zmq_strerror(code)))
        }
    }

    static func last(_ call: String, endpoint: String) -> ZMQError {
        let code = zmq_errno()
        let reason = String(cString: zmq_strerror(code))
        switch code {
        case EADDRINUSE: return .addressInUse(endpoint)
        case EINVAL, EPROTONOSUPPORT, ENODEV, ENOENT, ENAMETOOLONG, ENOCOMPATPROTO, EADDRNOTAVAIL:
            return .invalidEndpoint(endpoint, reason: reason)
        case ENOTSOCK, ZMQErrno.terminated: return .closed
        default: return .failed("\(call) \(endpoint)", reason: reason)
        }
    }
}

/// Errors of libzmq's own.
nonisolated enum ZMQErrno {
    static let wrongState = EFSM
    static let terminated = ETERM
}
