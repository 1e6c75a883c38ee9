/// Why a name server gave no answer.
public nonisolated enum DNSError: Error, CustomStringConvertible, Sendable, Hashable {
    /// There is no such name, or no record of that kind: the name that was asked for.
    case notFound(String)
    /// What was asked for is no name or address: what is wrong with it.
    case invalidName(String)
    /// No name server answered in time.
    case timedOut(String)
    /// The server refused, failed, or sent what is no answer: how.
    case failed(String, reason: String)
    /// The resolver cannot be made: why.
    case unusable(String)

    /// One line for the user.
    public var description: String {
        switch self {
        case .notFound(let name): "\(name): no such name"
        case .invalidName(let name): "«\(name)» is no name"
        case .timedOut(let name): "\(name): no name server answered"
        case .failed(let name, let reason): "\(name): \(reason)"
        case .unusable(let reason): "no names can be looked up: \(reason)"
        }
    }
}
