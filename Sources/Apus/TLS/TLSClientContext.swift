import CApus

/// `TLSClientOptions` whose files have been read. Reading the system's authorities takes milliseconds, so connections
/// with the same options share one.
final class TLSClientContext {
    /// Unsafe only for `deinit`, which frees it when nobody else is left.
    nonisolated(unsafe) let context: OpaquePointer

    private static var known: [TLSClientOptions: TLSClientContext] = [:]
    /// Programs have a few kinds of servers; one that makes up options for each connection does not fill the memory.
    private static let mostKnown = 64

    /// The context of these options; files are read at the first use.
    static func of(_ options: TLSClientOptions) throws(TLSError) -> TLSClientContext {
        if let context = known[options] { return context }
        let context = try TLSClientContext(options)
        if known.count >= mostKnown { known.removeAll() }
        known[options] = context
        return context
    }

    private init(_ options: TLSClientOptions) throws(TLSError) {
        let identity = options.identity
        let texts = [
            identity?.certificateFile, identity?.privateKeyFile, identity?.passphrase, options.authoritiesFile,
        ].map { $0.map(CText.init) }
        let alpn = try TLSNames.wireFormat(options.applicationProtocols)
        var message = [CChar](repeating: 0, count: 512)
        let made = alpn.withUnsafeBufferPointer { alpn in
            var native = capus_tls_options(
                certificate_file: texts[0]?.pointer, key_file: texts[1]?.pointer, passphrase: texts[2]?.pointer,
                ca_file: texts[3]?.pointer, ciphers: nil, cipher_suites: nil, ocsp_file: nil, alpn: alpn.baseAddress,
                alpn_count: alpn.count, requires_tls13: options.minimumVersion == .tls13,
                verifies_peer: options.verifiesServer, prefers_kernel: false)
            return capus_tls_client_context_create(&native, &message, message.count)
        }
        guard let made else { throw TLSError(message) }
        context = made
    }

    deinit { capus_tls_context_destroy(context) }
}
