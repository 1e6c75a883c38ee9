/// What a worker presents to its clients over TLS, and what it asks of them. Paths are of PEM files; they are read when
/// the program starts, and again at each reload.
public nonisolated struct TLSOptions: Sendable {
    /// The oldest protocol that is spoken.
    public enum Version: Sendable, Hashable {
        case tls12
        case tls13
    }

    /// A certificate, with those that lead from it to an authority, and its key.
    public struct Identity: Sendable, Hashable {
        /// The certificate first, then the chain.
        public var certificateFile: String
        /// The key of the certificate; it may stand in the same file.
        public var privateKeyFile: String
        /// What the key is encrypted with.
        public var passphrase: String? {
            get { secret.text }
            set { secret.text = newValue }
        }
        private var secret = Secret()

        /// An identity; its key stands behind its certificate unless it has a file of its own.
        public init(certificateFile: String, privateKeyFile: String? = nil, passphrase: String? = nil) {
            self.certificateFile = certificateFile
            self.privateKeyFile = privateKeyFile ?? certificateFile
            self.passphrase = passphrase
        }
    }

    /// What clients get that name no host, or one that is not in `identities`.
    public var identity: Identity
    /// Other identities by the name that clients ask for (SNI): a host, or `*.domain` for its direct children.
    public var identities: [String: Identity] = [:]
    /// TLS 1.2 unless set. Older ones are never spoken.
    public var minimumVersion = Version.tls12
    /// The protocols that can be agreed on (ALPN, RFC 7301), preferred ones first; HTTP workers say `http/1.1` unless
    /// set. A client that offers only others is refused.
    public var applicationProtocols: [String] = []
    /// Authorities of client certificates: with them every client has to show one that they vouch for.
    public var clientAuthoritiesFile: String?
    /// Ciphers of TLS 1.2, as OpenSSL lists them, preferred ones first. Unless set all have forward secrecy and
    /// authenticate what they encrypt (RFC 9325 §4.2); `DEFAULT` adds OpenSSL's others, for clients from before 2014.
    public var ciphers = """
        ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
        ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305
        """
    /// Cipher suites of TLS 1.3, as OpenSSL lists them, preferred ones first. AES with 128 bits comes first: it takes
    /// less time, and a connection 200 bytes less than with the digest of SHA-384. A client that prefers ChaCha20 gets
    /// it.
    public var cipherSuites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    /// Records that leave are made by the kernel where it can (kTLS: Linux with the module `tls`, over TCP), so that
    /// files go from its cache to the network without passing through this process. For servers of large files: each
    /// connection takes more memory, here and in the kernel. Where the kernel cannot, a warning says so at the start
    /// and OpenSSL makes them, as for single clients with ciphers that the kernel does not know. A client that asks
    /// for new keys (RFC 8446 §4.6.3) is cut off.
    public var prefersKernel = false
    /// An OCSP response in DER, given to clients that ask for it.
    public var ocspResponseFile: String?

    /// Presents one certificate.
    public init(certificateFile: String, privateKeyFile: String? = nil, passphrase: String? = nil) {
        identity = Identity(
            certificateFile: certificateFile, privateKeyFile: privateKeyFile, passphrase: passphrase)
    }
}

/// Files or lists of `TLSOptions` that cannot be used.
public nonisolated struct TLSError: Error, CustomStringConvertible, Sendable {
    /// One line that names the file and says what is wrong with it.
    public let description: String

    init(description: String) { self.description = description }

    /// A text of the C core.
    init(_ message: [CChar]) {
        description = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
