/// What the connections of an `https://` load ask of the server.
public nonisolated struct LoadTLS: Sendable, Hashable {
    /// Whether the server has to prove who it is; a server under test mostly has a certificate of its own making.
    public var verifiesServer = true
    /// Authorities of the server's certificate, a PEM file; those of the system unless set.
    public var authoritiesFile: String?
    /// The name that is asked for and that the certificate has to be for; the URL's host unless set.
    public var serverName: String?
    /// Whether connections after the first ones resume a session, as clients that come again do. If not, each goes
    /// through a whole handshake.
    public var resumes = true

    /// What stands in that file, for processes and hosts that cannot read it; nil until it has been read for them.
    var authorities: [UInt8]?

    /// A verified server, with sessions that are resumed.
    public init() {}

    /// Reads the file of the authorities, if there is one.
    mutating func readAuthorities() throws(LoadOptionsError) {
        if let authoritiesFile { authorities = try FileBytes.read(authoritiesFile, "--cacert") }
    }
}
