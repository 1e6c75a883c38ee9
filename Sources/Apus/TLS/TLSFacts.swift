import CApus

/// What the two sides of a TLS connection have agreed on.
public nonisolated struct TLSFacts: Sendable, Hashable {
    /// "TLSv1.3" or "TLSv1.2".
    public let version: String
    /// The cipher suite in OpenSSL's words.
    public let cipher: String
    /// The host that the client asked for (SNI); nil if it named none.
    public let serverName: String?
    /// The protocol that was agreed on (ALPN); nil if none was.
    public let applicationProtocol: String?
    /// The subject of the peer's certificate as in RFC 2253, "CN=client,O=company"; nil if it has shown none. It was
    /// verified where the options say that certificates are.
    public let peerSubject: String?
    /// An earlier session was resumed: no certificate was sent.
    public let isResumed: Bool
    /// The kernel makes the records that leave: see `TLSOptions.prefersKernel`.
    public let usesKernel: Bool

    init(_ tls: OpaquePointer) {
        let facts = capus_tls_describe(tls)
        version = String(cString: facts.version)
        cipher = String(cString: facts.cipher)
        serverName = facts.server_name.pointee == 0 ? nil : String(cString: facts.server_name)
        applicationProtocol = facts.alpn.map {
            String(decoding: UnsafeBufferPointer(start: $0, count: Int(facts.alpn_count)), as: UTF8.self)
        }
        isResumed = facts.is_resumed
        usesKernel = capus_tls_sends_files(tls)
        peerSubject = Self.subject(tls)
    }

    private static func subject(_ tls: OpaquePointer) -> String? {
        var text = [CChar](repeating: 0, count: 4096)
        let count = capus_tls_peer_subject(tls, &text, text.count)
        return count == 0 ? nil : String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
