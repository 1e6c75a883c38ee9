import Apus
import CMariaDB

extension MySQLLink {
    /// Enough for a TLS handshake, which runs on a stack that libmariadb makes.
    private static let stackBytes = 256 * 1024

    /// Makes a connection within `seconds`, or throws why there is none.
    static func open(
        _ target: MySQLTarget, _ options: MySQLOptions, within seconds: Double
    ) async throws(LinkFailure) -> MySQLLink {
        let deadline = EventLoop.current.now + Int64(seconds * 1e9)
        var failure = LinkFailure(MySQLError.unavailable("the host has no address"), isLost: true)
        for address in try await addresses(of: target.place, within: seconds) {
            let rest = Double(deadline - EventLoop.current.now) / 1e9
            guard rest > 0 else { break }
            guard let link = MySQLLink() else {
                throw LinkFailure(MySQLError.unavailable("memory is out"), isLost: true)
            }
            do {
                try await link.connect(address, target, options, within: rest)
                link.watchIdle()
                return link
            } catch {
                failure = error
                // The next address is for servers that are not there.
                guard case MySQLError.unavailable = error.error else { break }
            }
        }
        throw failure
    }

    private static func addresses(
        of place: MySQLTarget.Place, within seconds: Double
    ) async throws(LinkFailure) -> [String] {
        guard case .host(let host, _) = place else { return [""] }
        if let address = try? SocketAddress("[\(host)]:0"), case .ip(let numeric, _) = address { return [numeric] }
        do {
            return try await NameLookup(host).addresses(within: seconds)
        } catch is CancellationError {
            throw LinkFailure(CancellationError(), isLost: true)
        } catch {
            throw LinkFailure(MySQLError.unavailable("\(error)"), isLost: true)
        }
    }

    private func connect(
        _ address: String, _ target: MySQLTarget, _ options: MySQLOptions, within seconds: Double
    ) async throws(LinkFailure) {
        set(options)
        if let tls = options.tls { set(tls, target) }
        var port: UInt16 = 0
        var path: UnsafeMutablePointer<CChar>?
        switch target.place {
        case .host(_, let number): port = number
        case .unix(let name): path = strdup(name)
        }
        // They are looked at until the call is over.
        let host = path == nil ? HostText(address, verified: options.tls.flatMap { verifiedName($0, target) }) : nil
        let user = strdup(options.user ?? "root")
        let password = options.password.flatMap { strdup($0) }
        let database = options.database.flatMap { strdup($0) }
        defer { for text in [host?.start, user, password, database, path] { free(text) } }
        do {
            try await perform(within: seconds) {
                cells.handle.pointee = nil
                if options.tls == nil {
                    await drive {
                        mysql_real_connect_start(
                            cells.handle, handle, host?.start, user, password, database, UInt32(port), path, 0)
                    } _: {
                        mysql_real_connect_cont(cells.handle, handle, $0)
                    }
                } else {
                    let port = UInt32(port)
                    // The thread's alone until it is over.
                    nonisolated(unsafe) let (cell, handle) = (cells.handle, handle)
                    // So are the texts.
                    nonisolated(unsafe) let (host, path, user) = (host, path, user)
                    nonisolated(unsafe) let (password, database) = (password, database)  // As above.
                    await driveOnThread {
                        let status = mysql_real_connect_start(
                            cell, handle, host?.start, user, password, database, port, path, 0)
                        host?.becomeVerifiedName()
                        return status
                    } _: {
                        mysql_real_connect_cont(cell, handle, $0)
                    }
                }
                guard cells.handle.pointee != nil else { throw connectFailure() }
            }
        } catch {
            if case MySQLError.timedOut = error.error {
                let reason = "it was not ready within \(seconds.rounded(toPlaces: 3)) s"
                throw LinkFailure(MySQLError.unavailable(reason), isLost: true)
            }
            throw error
        }
    }

    /// Codes of a server that may let us in later: not there, too many connections, starting, stopping.
    private static let passing: Set<UInt32> = [
        UInt32(CR_CONNECTION_ERROR), UInt32(CR_CONN_HOST_ERROR), UInt32(CR_IPSOCK_ERROR), UInt32(CR_SERVER_LOST),
        UInt32(CR_SERVER_GONE_ERROR), UInt32(CR_SERVER_LOST_EXTENDED), UInt32(CR_SERVER_HANDSHAKE_ERR),
        UInt32(CR_ERR_NET_READ), UInt32(CR_ERR_NET_WRITE), 1040, 1053, 1152, 1203, 1226,
    ]

    private func connectFailure() -> LinkFailure {
        let code = mysql_errno(handle)
        let text = "\(String(cString: mysql_error(handle))) (\(code))"
        let error: MySQLError = Self.passing.contains(code) ? .unavailable(text) : .loginFailed(text)
        return LinkFailure(error, isLost: true)
    }

    // MARK: Options

    private func set(_ options: MySQLOptions) {
        withUnsafeBytes(of: Self.stackBytes) { set(MYSQL_OPT_NONBLOCK, $0.baseAddress) }
        withUnsafeBytes(of: UInt32(0)) { set(MYSQL_OPT_LOCAL_INFILE, $0.baseAddress) }
        withUnsafeBytes(of: my_bool(0)) { set(MYSQL_REPORT_DATA_TRUNCATION, $0.baseAddress) }
        withUnsafeBytes(of: UInt(min(options.maxPacketBytes, 1 << 30))) {
            set(MYSQL_OPT_MAX_ALLOWED_PACKET, $0.baseAddress)
        }
        set(MYSQL_SET_CHARSET_NAME, options.charset)
        set(MARIADB_OPT_RESTRICTED_AUTH, options.authentication.joined(separator: ","))
        for statement in options.sessionStatements { set(MYSQL_INIT_COMMAND, statement) }
    }

    private func set(_ tls: TLSClientOptions, _ target: MySQLTarget) {
        withUnsafeBytes(of: my_bool(1)) { set(MYSQL_OPT_SSL_ENFORCE, $0.baseAddress) }
        set(MARIADB_OPT_TLS_VERSION, tls.minimumVersion == .tls13 ? "TLSv1.3" : "TLSv1.2,TLSv1.3")
        if let identity = tls.identity {
            set(MYSQL_OPT_SSL_CERT, identity.certificateFile)
            set(MYSQL_OPT_SSL_KEY, identity.privateKeyFile)
            if let passphrase = identity.passphrase { set(MARIADB_OPT_TLS_PASSPHRASE, passphrase) }
        }
        guard tls.verifiesServer else { return }
        withUnsafeBytes(of: my_bool(1)) { set(MYSQL_OPT_SSL_VERIFY_SERVER_CERT, $0.baseAddress) }
        // Without an authority libmariadb would not compare the name.
        if let file = tls.authoritiesFile {
            set(MYSQL_OPT_SSL_CA, file)
        } else {
            set(MYSQL_OPT_SSL_CAPATH, String(cString: X509_get_default_cert_dir()))
        }
    }

    /// The name that the certificate has to be for.
    private func verifiedName(_ tls: TLSClientOptions, _ target: MySQLTarget) -> String? {
        if let name = tls.serverName { return name }
        if case .host(let name, _) = target.place { return name }
        return nil
    }

    private func set(_ option: mysql_option, _ value: UnsafeRawPointer?) { mysql_options(handle, option, value) }
    private func set(_ option: mysql_option, _ text: String) {
        _ = text.withCString { mysql_options(handle, option, $0) }
    }
}

/// What libmariadb is told of the server: a numeric address to connect to, since it would look names up and wait, and
/// once it has begun to, the name that it compares the certificate with. It copies that when the server has greeted.
private nonisolated struct HostText {
    let start: UnsafeMutablePointer<CChar>
    private let verified: String?

    init(_ address: String, verified: String?) {
        self.verified = verified
        let capacity = max(address.utf8.count, verified?.utf8.count ?? 0) + 1
        start = malloc(capacity)!.assumingMemoryBound(to: CChar.self)
        strcpy(start, address)
    }

    func becomeVerifiedName() {
        if let verified { strcpy(start, verified) }
    }
}

/// The addresses of a host, waited for.
private final class NameLookup {
    private let line = WaitingLine<[String]>()
    private let host: String
    private var lookup: HostLookup?

    init(_ host: String) { self.host = host }

    nonisolated deinit {}

    func addresses(within seconds: Double) async throws -> [String] {
        let place = line.enter(
            atMost: seconds,
            otherwise: MySQLError.unavailable("the address of \(host) was not found within \(seconds) s"))
        lookup = HostLookup(host) { [line] result in
            switch result {
            case .success(let addresses): _ = line.hand(addresses)
            case .failure(let error): line.fail(error)
            }
        }
        defer { lookup?.cancel() }
        return try await place.value()
    }
}

extension Double {
    fileprivate nonisolated func rounded(toPlaces places: Int) -> Double {
        let factor = (0..<places).reduce(1.0) { factor, _ in factor * 10 }
        return (self * factor).rounded() / factor
    }
}
