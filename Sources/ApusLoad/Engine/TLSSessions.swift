import CApus

/// Begins the TLS sessions of one process's connections, and remembers what new ones can resume.
nonisolated struct TLSSessions: ~Copyable {
    private let context: OpaquePointer
    private let serverName: [CChar]
    private let resumes: Bool
    private var ticket: OpaquePointer?

    /// Throws when the file of the authorities cannot be used.
    init(_ options: LoadTLS, host: String) throws(LoadOptionsError) {
        var reason = [CChar](repeating: 0, count: 512)
        // OpenSSL wants a file.
        let carried = options.authorities.map { capus_memory_file($0, $0.count) }
        defer { if let carried, carried >= 0 { capus_close(carried) } }
        let authorities = (carried.map { "/proc/self/fd/\($0)" } ?? options.authoritiesFile).map {
            Array($0.utf8CString)
        }
        let made = Self.withPointer(authorities) { authorities in
            var native = capus_tls_options()
            native.ca_file = authorities
            native.verifies_peer = options.verifiesServer
            return capus_tls_client_context_create(&native, &reason, reason.count)
        }
        guard let made else {
            let text = reason.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
            throw LoadOptionsError("--cacert", text)
        }
        context = made
        serverName = Array((options.serverName ?? host).utf8CString)
        resumes = options.resumes
    }

    deinit {
        if let ticket { capus_tls_ticket_destroy(ticket) }
        capus_tls_context_destroy(context)
    }

    private static func withPointer<R>(_ text: [CChar]?, _ body: (UnsafePointer<CChar>?) -> R) -> R {
        guard let text else { return body(nil) }
        return text.withUnsafeBufferPointer { body($0.baseAddress) }
    }

    /// A session on a descriptor, which may still be connecting; nil when memory is out.
    func begin(_ fd: Int32) -> OpaquePointer? {
        guard let session = capus_tls_connect(context, fd, serverName) else { return nil }
        if let ticket { capus_tls_resume(session, ticket) }
        return session
    }

    /// Something came on a session: by now its ticket is there.
    mutating func remember(_ session: OpaquePointer) {
        guard resumes, ticket == nil else { return }
        ticket = capus_tls_take_ticket(session)
    }
}
