public import Apus

/// How connections to MySQL or MariaDB are made, and what they bound.
public nonisolated struct MySQLOptions: Sendable, Hashable {
    /// Who logs in; unless set, and not in the address, "root".
    public var user: String?
    /// The password; none unless set, or in the address.
    public var password: String? {
        get { login.text }
        set { login.text = newValue }
    }
    /// The database that is used; none unless set, or in the address.
    public var database: String?
    /// The character set of the session. Text is decoded as UTF-8, so others than UTF-8 are of little use.
    public var charset = "utf8mb4"
    /// TLS with the server, which is then required; nil, unless set or asked for by the address, for none.
    /// `serverName`, `authoritiesFile`, `identity`, `verifiesServer` and `minimumVersion` are heeded.
    public var tls: TLSClientOptions?
    /// How passwords may be proven: the server chooses among these alone. None of them shows the password to a server
    /// without TLS; `mysql_clear_password` and `dialog` would.
    public var authentication = ["mysql_native_password", "client_ed25519", "caching_sha2_password"]
    /// What each new connection executes first, such as `SET time_zone = '+00:00'`.
    public var sessionStatements: [String] = []
    /// Seconds that a statement waits for a connection to be made, all attempts together.
    public var connectTimeout = 10.0
    /// Seconds that a statement and its result may take from being sent on; of a stream, each wait for the server.
    public var timeout = 60.0
    /// Seconds that a statement waits while others use the connection.
    public var waitTimeout = 10.0
    /// Statements that may wait for one connection; further ones fail at once.
    public var maxWaiting = 1000
    /// Bytes of one row, or of one statement with its values. The server has a limit of its own, `max_allowed_packet`.
    /// A longer row ends the connection.
    public var maxPacketBytes = 64 * 1024 * 1024
    /// Bytes that the rows of one result may take in memory; a stream has no limit.
    public var maxResultBytes = 256 * 1024 * 1024
    /// Prepared statements that each connection keeps on the server to be used again.
    public var statementCacheSize = 64
    private var login = Secret()

    /// The defaults of each property.
    public init() {}
}
