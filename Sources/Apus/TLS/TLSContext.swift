import CApus

/// `TLSOptions` whose files have been read: what connections are accepted with.
final class TLSContext {
    /// Unsafe only for `deinit`, which frees it when nobody else is left.
    nonisolated(unsafe) let context: OpaquePointer

    /// `fallbackProtocols` are agreed on where the options name none.
    init(_ options: TLSOptions, fallbackProtocols: [String]) throws(TLSError) {
        let names = options.applicationProtocols.isEmpty ? fallbackProtocols : options.applicationProtocols
        context = try Self.make(options.identity, options, names)
        for (name, identity) in options.identities {
            // The response is about the first certificate.
            var options = options
            options.ocspResponseFile = nil
            let other = try Self.make(identity, options, names)
            guard capus_tls_context_add(context, name, other) else {
                throw TLSError(description: "no memory for the certificate of \(name)")
            }
        }
    }

    deinit { capus_tls_context_destroy(context) }

    /// Seconds until the certificate expires; negative when it has.
    var lifetime: Int64 { capus_tls_context_lifetime(context) }

    private static func make(
        _ identity: TLSOptions.Identity, _ options: TLSOptions, _ protocols: [String]
    ) throws(TLSError) -> OpaquePointer {
        let texts = [
            identity.certificateFile, identity.privateKeyFile, identity.passphrase, options.clientAuthoritiesFile,
            options.ciphers, options.cipherSuites, options.ocspResponseFile,
        ].map { $0.map(CText.init) }
        let alpn = try TLSNames.wireFormat(protocols)
        var message = [CChar](repeating: 0, count: 512)
        let made = alpn.withUnsafeBufferPointer { alpn in
            var native = capus_tls_options(
                certificate_file: texts[0]!.pointer, key_file: texts[1]!.pointer, passphrase: texts[2]?.pointer,
                ca_file: texts[3]?.pointer, ciphers: texts[4]?.pointer, cipher_suites: texts[5]?.pointer,
                ocsp_file: texts[6]?.pointer, alpn: alpn.baseAddress, alpn_count: alpn.count,
                requires_tls13: options.minimumVersion == .tls13,
                verifies_peer: options.clientAuthoritiesFile != nil, prefers_kernel: options.prefersKernel)
            return capus_tls_context_create(&native, &message, message.count)
        }
        guard let made else { throw TLSError(message) }
        return made
    }
}

/// What the contexts of servers and clients have in common.
enum TLSNames {
    /// RFC 7301 §3.1: each name behind its length in a byte.
    static func wireFormat(_ names: [String]) throws(TLSError) -> [UInt8] {
        var bytes: [UInt8] = []
        for name in names {
            guard (1...255).contains(name.utf8.count) else {
                throw TLSError(description: "application protocol \"\(name)\": it has 1 to 255 bytes")
            }
            bytes.append(UInt8(name.utf8.count))
            bytes += name.utf8
        }
        return bytes
    }
}

/// A string as C takes it, for as long as this lives.
nonisolated final class CText {
    let pointer: UnsafeMutablePointer<CChar>

    init(_ text: String) {
        let bytes = text.utf8CString
        pointer = .allocate(capacity: bytes.count)
        for (index, byte) in bytes.enumerated() { pointer[index] = byte }
    }

    deinit { pointer.deallocate() }
}
