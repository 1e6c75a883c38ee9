public import Apus

/// How a `RedisClient` connects, and what it bounds.
public nonisolated struct RedisOptions: Sendable, Hashable {
    /// Who logs in; unless set, and not in the address, Redis' default user.
    public var username: String?
    /// The password; none unless set, or in the address.
    public var password: String? {
        get { login.text }
        set { login.text = newValue }
    }
    /// The database that is used; 0 unless set, or in the address.
    public var database: Int?
    /// Seconds that a command may take, waiting for a connection included.
    public var timeout = 5.0
    /// Commands that may wait for a connection or for their reply; further ones fail at once.
    public var maxOutstandingCommands = 10_000
    /// Connections of their own that tasks may have at the same time (`RedisClient.withConnection`); further ones wait.
    public var maxConnections = 64
    /// Messages of one subscription that may wait to be read; the oldest is dropped for a further one.
    public var maxBufferedMessages = 1000
    /// Bytes of one reply; a longer one ends the connection.
    public var maxReplyBytes = 64 * 1024 * 1024
    /// Speaks version 3 of the protocol, with replies of more kinds. It takes Redis 6.
    public var speaksRESP3 = false
    /// Time-out of one attempt to connect, TLS, local address and socket options.
    public var connect = ConnectOptions()

    private var login = Secret()

    /// The defaults of each property.
    public init(password: String? = nil, database: Int? = nil) {
        self.password = password
        self.database = database
        connect.timeout = 5
    }
}
