import ApusProtocols
import CApus

/// A socket that is connected, and what its first reader got of it already.
struct DialedSocket {
    let fd: Int32
    let peer: capus_address
    let received: [UInt8]
}

/// Makes one connected socket: looks the name up, tries its addresses, and talks to the proxy if there is one.
///
/// Addresses are tried in turn, alternating between IPv6 and IPv4; the next one as soon as an attempt has failed or has
/// taken a while, and the first to succeed wins (RFC 8305).
final class Dialer {
    /// Seconds until the next address is tried beside the one before: RFC 8305 §5.
    private static let attemptDelay = 0.25

    private let target: RemoteAddress
    private let options: ConnectOptions
    private let loop: EventLoop
    /// Whether something is there to be sent as soon as the socket is connected.
    private let speaksFirst: @MainActor () -> Bool
    private var completion: (@MainActor (Result<DialedSocket, ConnectionError>) -> Void)?
    /// Gives up looking the name up, while that goes on.
    private var cancelLookup: (@MainActor () -> Void)?
    private var port: UInt16 = 0
    private var addresses: [capus_address] = []
    private var attempts: [ConnectAttempt] = []
    private var negotiation: ProxyNegotiation?
    private var staggering: WorkerTimer?
    private var deadline: WorkerTimer?
    private var lastFailure = "the host has no address"
    /// The address whose attempt has succeeded.
    private var reached = capus_address()

    /// `completion` is called once and never before this returns, unless `cancel` is called.
    init(
        _ target: RemoteAddress, _ options: ConnectOptions, loop: EventLoop,
        speaksFirst: @escaping @MainActor () -> Bool,
        _ completion: @escaping @MainActor (Result<DialedSocket, ConnectionError>) -> Void
    ) {
        self.target = target
        self.options = options
        self.loop = loop
        self.speaksFirst = speaksFirst
        self.completion = completion
        deadline = WorkerTimer.after(options.timeout) { [weak self] _ in self?.finish(failure: "timed out") }
        loop.execute { [self] in start() }
    }

    /// Gives up without a word.
    func cancel() {
        completion = nil
        release()
    }

    private func start() {
        guard completion != nil else { return }
        do throws(AddressError) {
            let firstHop = try options.proxy.map { (proxy) throws(AddressError) in
                try RemoteAddress(proxy.address, isSecured: false)
            }
            connect(to: (firstHop ?? target).place)
        } catch {
            finish(failure: "proxy \(error)")
        }
    }

    private func connect(to place: RemoteAddress.Place) {
        switch place {
        case .unix(let path):
            var isPending = false
            connected(Result(connecting: capus_connect_unix(path, &isPending)))
        case .host(let name, let port):
            self.port = UInt16(port)
            if let address = capus_address(numeric: name) { return race([address]) }
            cancelLookup = HostResolvers.resolve(name) { [weak self] result in
                guard let self else { return }
                cancelLookup = nil
                switch result {
                case .success(let addresses): race(addresses)
                case .failure(let error): finish(failure: "\(name): \(error)")
                }
            }
        }
    }

    // MARK: Addresses

    private func race(_ found: [capus_address]) {
        addresses = Self.alternating(found)
        tryNext()
    }

    /// RFC 8305 §4: the preferred family first, then in turn.
    private static func alternating(_ addresses: [capus_address]) -> [capus_address] {
        guard let first = addresses.first else { return [] }
        let preferred = addresses.filter { $0.family == first.family }
        let others = addresses.filter { $0.family != first.family }
        return (0..<max(preferred.count, others.count)).flatMap { index in
            [preferred, others].compactMap { index < $0.count ? $0[index] : nil }
        }
    }

    private func tryNext() {
        staggering?.cancel()
        while completion != nil, !addresses.isEmpty {
            var address = addresses.removeFirst()
            address.port = port
            switch start(address) {
            case .success(let fd):
                let attempt = ConnectAttempt(fd: fd, address: address, loop: loop) { [unowned self] in
                    attemptEnded($0, $1)
                }
                attempts.append(attempt)
                guard !addresses.isEmpty else { return }
                staggering = WorkerTimer.after(Self.attemptDelay) { [weak self] _ in self?.tryNext() }
                return
            case .failure(let error): lastFailure = error.description
            }
        }
        if attempts.isEmpty { finish(failure: lastFailure) }
    }

    private func start(_ address: capus_address) -> Result<Int32, ConnectionError> {
        var address = address
        var socketOptions = options.socket.native
        // With it the kernel begins to connect when it is given the first bytes: they must be there.
        if options.proxy != nil || !speaksFirst() { socketOptions.fast_open = false }
        var isPending = false
        guard let text = options.localAddress else {
            return Result(connecting: capus_connect_with(&address, nil, &socketOptions, &isPending))
        }
        let local = (try? SocketAddress(text)) ?? (try? SocketAddress(text.contains(":") ? "[\(text)]:0" : text + ":0"))
        guard var source = local?.native else {
            return .failure(ConnectionError(description: "local address \"\(text)\" is no IP address"))
        }
        guard source.family == address.family else {
            return .failure(ConnectionError(description: "no connection from \(text) to \(address.text)"))
        }
        return Result(connecting: capus_connect_with(&address, &source, &socketOptions, &isPending))
    }

    /// `failure` is an errno, 0 for none.
    private func attemptEnded(_ attempt: ConnectAttempt, _ failure: Int32) {
        attempts.removeAll { $0 === attempt }
        guard failure == 0 else {
            attempt.close()
            lastFailure = String(cString: capus_error_text(failure))
            return tryNext()
        }
        reached = attempt.address
        connected(.success(attempt.release()))
    }

    // MARK: Behind the socket

    private func connected(_ result: Result<Int32, ConnectionError>) {
        guard case .success(let fd) = result else {
            if case .failure(let error) = result { finish(failure: error.description) }
            return
        }
        stopAttempts()
        guard let proxy = options.proxy else { return finish(fd, received: []) }
        do throws(ProxyHandshakeError) {
            negotiation = try ProxyNegotiation(fd: fd, loop: loop, proxy.handshake(with: target)) { [unowned self] in
                negotiated($0)
            }
        } catch {
            capus_close(fd)
            finish(failure: error.description)
        }
    }

    private func negotiated(_ result: Result<[UInt8], ConnectionError>) {
        guard let negotiation else { return }
        switch result {
        case .success(let received):
            self.negotiation = nil
            finish(negotiation.release(), received: received)
        case .failure(let error): finish(failure: "proxy: \(error)")
        }
    }

    private func finish(_ fd: Int32, received: [UInt8]) {
        guard let completion else { return capus_close(fd) }
        self.completion = nil
        release()
        completion(.success(DialedSocket(fd: fd, peer: reached, received: received)))
    }

    private func finish(failure: String) {
        guard let completion else { return }
        self.completion = nil
        release()
        completion(.failure(ConnectionError(description: failure)))
    }

    private func stopAttempts() {
        staggering?.cancel()
        for attempt in attempts { attempt.close() }
        attempts = []
        addresses = []
    }

    private func release() {
        deadline?.cancel()
        cancelLookup?()
        cancelLookup = nil
        stopAttempts()
        negotiation?.close()
        negotiation = nil
    }
}

extension Result where Success == Int32, Failure == ConnectionError {
    /// Of a call that returns a descriptor or a negated errno.
    fileprivate init(connecting outcome: Int32) {
        if outcome >= 0 {
            self = .success(outcome)
        } else {
            self = .failure(ConnectionError(description: String(cString: capus_error_text(-outcome))))
        }
    }
}

extension Proxy {
    fileprivate nonisolated var address: String {
        switch self {
        case .socks5(let address, _, _), .http(let address, _): address
        }
    }

    /// What to say to the proxy so that it connects to `target`.
    fileprivate nonisolated func handshake(
        with target: RemoteAddress
    ) throws(ProxyHandshakeError) -> any ProxyHandshake {
        guard case .host(let host, let port) = target.place else {
            throw .invalidHost(target.description, reason: "it is a Unix socket")
        }
        switch self {
        case .socks5(_, let username, let password):
            return try SOCKS5Handshake(host: host, port: port, username: username, password: password)
        case .http(_, let authorization):
            return try HTTPConnectHandshake(host: host, port: port, authorization: authorization)
        }
    }
}
