/// The name of a session's value together with its type, so that both are written down once:
///
///     extension SessionKey where Value == User {
///         static var user: SessionKey { SessionKey("user") }
///     }
///     session[.user] = user
public nonisolated struct SessionKey<Value: Codable>: Sendable, Hashable {
    /// Under which the value is stored.
    public let name: String

    /// A key for values of one type.
    public init(_ name: String) { self.name = name }
}
