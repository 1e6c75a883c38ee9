public import Apus

/// How a `NATSClient` connects, and what it bounds.
public nonisolated struct NATSOptions: Sendable, Hashable {
    /// Who logs in, with `password`; nobody unless set, or in the address.
    public var user: String?
    /// The password of `user`.
    public var password: String? {
        get { login.text }
        set { login.text = newValue }
    }
    /// What is shown instead of user and password.
    public var token: String? {
        get { pass.text }
        set { pass.text = newValue }
    }
    /// What the server calls the client in its lists.
    public var name = "apus"
    /// Seconds until a request or a confirmation fails, waiting for a connection included.
    public var timeout = 5.0
    /// Bytes that may wait to be sent, also while there is no connection; publishing more fails.
    public var maxUnsentBytes = 8 * 1024 * 1024
    /// Bytes of one message; a longer one ends the connection.
    public var maxMessageBytes = 64 * 1024 * 1024
    /// Seconds between two looks whether the server still answers: it is given up when it has not by the next one.
    public var pingInterval = 30.0
    /// Time-out of one attempt to connect, TLS, local address and socket options.
    public var connect = ConnectOptions()

    private var login = Secret()
    private var pass = Secret()

    /// The defaults of each property.
    public init() { connect.timeout = 5 }
}
