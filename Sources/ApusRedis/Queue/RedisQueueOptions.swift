/// How a `RedisQueue` works.
public nonisolated struct RedisQueueOptions: Sendable, Hashable {
    /// How often a message is tried again before it goes to the list of those that have failed.
    public var maxAttempts = 5
    /// Seconds until a message that has failed is tried again, times the attempts that it has had.
    public var retrySeconds = 5.0
    /// What stands before the names of all keys, for several applications in one database.
    public var prefix = ""
    /// A message stays in Redis until it was dealt with. Then none is lost when its consumer dies, and one may be
    /// handled twice: without it, one that is being handled then is lost.
    public var isReliable = false
    /// Seconds without a sign of life after which a consumer of a reliable queue is taken for dead, and others get what
    /// it was handling. Signs come four times as often.
    public var consumerTimeout = 20.0

    /// The defaults of each property.
    public init(isReliable: Bool = false) { self.isReliable = isReliable }
}

/// Why a message is not to be tried again: a handler throws it.
public nonisolated struct RedisQueueUnretryable: Error, CustomStringConvertible, Sendable, Hashable {
    /// What the list of failed messages says.
    public let description: String

    /// For this reason.
    public init(_ reason: String) { description = reason }
}
