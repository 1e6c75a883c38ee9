/// What an outgoing connection asks of its server over TLS, and what it shows. Paths are of PEM files.
///
/// Unless told otherwise the server has to show a certificate for the name that was connected to, from an authority
/// that the system knows.
public nonisolated struct TLSClientOptions: Sendable, Hashable {
    /// Authorities of the server's certificate; those of the system unless set.
    public var authoritiesFile: String?
    /// Whether the server has to prove who it is. Without that anyone on the way can read and change what is sent.
    public var verifiesServer = true
    /// The name that is asked for (SNI) and that the certificate has to be for; the host that is connected to unless
    /// set.
    public var serverName: String?
    /// The certificate that is shown to a server that asks for one.
    public var identity: TLSOptions.Identity?
    /// The protocols that are offered (ALPN, RFC 7301), preferred ones first.
    public var applicationProtocols: [String] = []
    /// TLS 1.2 unless set. Older ones are never spoken.
    public var minimumVersion = TLSOptions.Version.tls12

    /// A verified server, and no certificate of one's own.
    public init() {}
}
