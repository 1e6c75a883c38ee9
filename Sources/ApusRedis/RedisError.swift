/// Why a command has no reply, or was refused.
public nonisolated enum RedisError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What Redis answered: a word in capitals, and a text for people.
    case refused(code: String, String)
    /// There was no connection in time. The command was not sent.
    case unavailable(String)
    /// The user, password or database that the client names is refused. The command was not sent.
    case loginFailed(String)
    /// The connection broke before the reply came. The command may have been carried out or not: Apus does not send it
    /// again, you may where that does no harm.
    case connectionLost(String)
    /// No reply came within `RedisOptions.timeout`. The command may have been carried out, or may be later.
    case timedOut
    /// `RedisOptions.maxOutstandingCommands` wait for their replies already. The command was not sent.
    case tooManyCommands(Int)
    /// The command would change the connection for all that use it, or has more than one reply.
    case notShareable(String)
    /// The client was closed.
    case closed
    /// The reply is not of the kind that the command has.
    case unexpectedReply(RedisValue)
    /// A transaction was not carried out, because Redis refused one of its commands: its text.
    case transactionRefused(String)
    /// The address of the server cannot be understood.
    case invalidAddress(String, reason: String)

    /// What an error reply says.
    init(reply: String) {
        let code = reply.prefix { $0.isUppercase || $0.isNumber }
        let rest = reply.dropFirst(code.count)
        self = rest.first == " " || rest.isEmpty ? .refused(code: String(code), reply) : .refused(code: "", reply)
    }

    /// Whether Redis may have carried the command out, or may do so yet.
    public var mayHaveBeenExecuted: Bool {
        switch self {
        case .connectionLost, .timedOut, .unexpectedReply: true
        default: false
        }
    }

    /// One line for the log.
    public var description: String {
        switch self {
        case .refused(_, let text): "Redis: \(text)"
        case .unavailable(let reason): "Redis cannot be reached: \(reason)"
        case .loginFailed(let reason): "Redis refuses the login: \(reason)"
        case .connectionLost(let reason): "the connection to Redis broke before the reply came: \(reason)"
        case .timedOut: "Redis did not reply in time"
        case .tooManyCommands(let count): "\(count) commands wait for Redis already"
        case .notShareable(let name): "\(name) needs a connection of its own"
        case .closed: "the Redis client was closed"
        case .unexpectedReply(let value): "Redis replied \(String(describing: value).prefix(100))"
        case .transactionRefused(let text): "Redis refused the transaction: \(text)"
        case .invalidAddress(let text, let reason): "address \"\(text)\": \(reason)"
        }
    }
}
