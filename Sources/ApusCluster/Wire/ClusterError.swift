/// Why the servers of a cluster have not done what they were asked for.
public nonisolated enum ClusterError: Error, CustomStringConvertible, Sendable, Hashable {
    /// There was no connection to a server in time: why. Nothing was done.
    case unavailable(String)
    /// The connection broke before the answer: how. It may have been done.
    case connectionLost(String)
    /// The server did not answer in so many seconds. It may have been done.
    case timedOut(Double)
    /// So many requests wait already.
    case tooManyRequests(Int)
    /// The server refused: why.
    case refused(String)
    /// The answer is none.
    case invalidAnswer(String)
    /// The address cannot be used: what is wrong with it.
    case invalidAddress(String)
    /// The client was closed.
    case closed

    /// One line for the user.
    public var description: String {
        switch self {
        case .unavailable(let reason): "no server is there: \(reason)"
        case .connectionLost(let reason): "the connection broke before the answer came: \(reason)"
        case .timedOut(let seconds): "no answer in \(seconds) seconds"
        case .tooManyRequests(let count): "\(count) requests wait already"
        case .refused(let reason): "the server refused: \(reason)"
        case .invalidAnswer(let reason): "the server's answer is invalid: \(reason)"
        case .invalidAddress(let reason): reason
        case .closed: "the client was closed"
        }
    }
}
