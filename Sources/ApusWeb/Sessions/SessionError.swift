/// What goes wrong with sessions, but for what their store throws.
public nonisolated enum SessionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The request is not handled by `Sessions.respond(to:_:)`.
    case noSessions
    /// An id has 16 to 256 of `A–Z`, `a–z`, `0–9`, `,` and `-`.
    case invalidID
    /// A value cannot be written as JSON. Thrown where the session is saved, and nothing of it is.
    case notEncodable(key: String, reason: String)
    /// A value is not of the type that was asked for.
    case typeMismatch(key: String)

    /// One line for the log.
    public var description: String {
        switch self {
        case .noSessions: "the request has no session: its handler does not run in Sessions.respond"
        case .invalidID: "this is no id of a session"
        case .notEncodable(let key, let reason): "the session's \(key) cannot be kept: \(reason)"
        case .typeMismatch(let key): "the session's \(key) is of another type"
        }
    }
}
