import Apus
import ApusProtocols
import CCares

/// Looks names up without blocking the process, and remembers the answers for as long as they say.
///
///     let addresses = try await DNSResolver.shared.addresses(of: "example.org")
///
/// It knows `/etc/hosts`, the search domains of `/etc/resolv.conf`, A and AAAA (in the order of RFC 6724), PTR, SRV and
/// TXT. `useForConnections` makes all outgoing connections of this process look names up here, those of an `HTTPClient`
/// included; otherwise they ask the system's resolver, on a thread of its own and without remembering.
public final class DNSResolver {
    /// One for the whole process, with the system's name servers.
    public static let shared = DNSResolver()

    private let options: DNSOptions
    private var channel: AresChannel?
    private var cache: [String: CachedAddresses] = [:]
    /// Questions that are open, with who waits for the answers.
    private var open: [String: [UInt64: Completion]] = [:]
    private var names: [UInt64: String] = [:]
    private var lastID: UInt64 = 0

    typealias Completion = (Result<[String], DNSError>) -> Void

    private struct CachedAddresses {
        let addresses: [String]
        /// Monotonic nanoseconds.
        let end: Int64
    }

    /// A resolver. It may be made before the workers run.
    public init(_ options: DNSOptions = DNSOptions()) { self.options = options }

    nonisolated deinit {}

    /// Makes the outgoing connections of this process look names up here.
    public func useForConnections() { HostResolvers.current = self }

    /// Makes the outgoing connections of this process ask the system's resolver again.
    public static func useSystemForConnections() { HostResolvers.current = nil }

    // MARK: Addresses

    /// The addresses of a host, IPv4 and IPv6, best first and never none. What is an address already is returned as it
    /// is. Throws `DNSError`, and `CancellationError`.
    public func addresses(of host: String) async throws -> [String] {
        let waiter = DNSWaiter()
        let id = resolve(host) { waiter.finish($0) }
        return try await withTaskCancellationHandler {
            try await withUnsafeContinuation { (continuation: UnsafeContinuation<Result<[String], any Error>, Never>) in
                waiter.wait(continuation)
            }.get()
        } onCancel: {
            EventLoop.soon {
                self.cancelLookUp(id)
                waiter.cancel()
            }
        }
    }

    /// The same with a callback, which is called once and never from within.
    @discardableResult
    public func resolve(_ host: String, _ completion: @escaping (Result<[String], DNSError>) -> Void) -> UInt64 {
        lastID += 1
        let id = lastID
        let name = Self.normalized(host)
        if let answer = known(name) {
            names[id] = ""
            EventLoop.current.execute { [self] in if names.removeValue(forKey: id) != nil { completion(answer) } }
            return id
        }
        names[id] = name
        let isAsked = open[name] != nil
        open[name, default: [:]][id] = completion
        if !isAsked { ask(name) }
        return id
    }

    /// What can be said without asking.
    private func known(_ name: String) -> Result<[String], DNSError>? {
        if HostAddress(name) != nil { return .success([name]) }
        // RFC 1035 §2.3.4.
        guard (1...253).contains(name.utf8.count), !name.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else {
            return .failure(.invalidName(name))
        }
        guard let cached = cache[name] else { return nil }
        if cached.end > EventLoop.current.now { return .success(cached.addresses) }
        cache[name] = nil
        return nil
    }

    private static func normalized(_ host: String) -> String {
        let name = host.lowercased()
        return name.hasSuffix(".") && name.utf8.count > 1 ? String(name.dropLast()) : name
    }

    private func ask(_ name: String) {
        let question = Question { [self] in answered(name, $0) }
        do throws(DNSError) {
            let channel = try theChannel()
            channel.ask { channel in
                var hints = ares_addrinfo_hints()
                hints.ai_family = 0
                ares_getaddrinfo(
                    channel, name, nil, &hints,
                    { context, status, _, info in
                        MainActor.assumeIsolated { Question.take(context!).answer(addresses: status, info) }
                    }, question.retained())
            }
        } catch {
            EventLoop.current.execute { [self] in finish(name, .failure(error)) }
        }
    }

    private func theChannel() throws(DNSError) -> AresChannel {
        if let channel { return channel }
        let made = try AresChannel(options)
        channel = made
        return made
    }

    private func answered(_ name: String, _ answer: Question.Answer) {
        switch answer {
        case .addresses(let addresses, let seconds):
            remember(name, addresses, seconds)
            finish(name, addresses.isEmpty ? .failure(.notFound(name)) : .success(addresses))
        case .failure(let status): finish(name, .failure(Self.error(name, status)))
        case .records: break
        }
    }

    private func finish(_ name: String, _ result: Result<[String], DNSError>) {
        let waiting = open.removeValue(forKey: name) ?? [:]
        for (id, completion) in waiting.sorted(by: { $0.key < $1.key }) {
            names[id] = nil
            completion(result)
        }
    }

    private func remember(_ name: String, _ addresses: [String], _ seconds: Int) {
        let seconds = min(Double(seconds), options.maxCacheTime)
        guard seconds > 0, !addresses.isEmpty else { return }
        let now = EventLoop.current.now
        if cache.count >= options.maxCacheNames {
            cache = cache.filter { $0.value.end > now }
            if cache.count >= options.maxCacheNames { cache.removeAll() }
        }
        cache[name] = CachedAddresses(addresses: addresses, end: now + Int64(seconds * 1e9))
    }

    static func error(_ name: String, _ status: Int32) -> DNSError {
        switch status {
        case ARES_ENOTFOUND, ARES_ENODATA: .notFound(name)
        case ARES_ETIMEOUT, ARES_ECONNREFUSED: .timedOut(name)
        case ARES_EBADNAME: .invalidName(name)
        default: .failed(name, reason: AresChannel.text(status))
        }
    }

    // MARK: Other records

    /// The names that an address has (PTR).
    public func names(of address: String) async throws -> [String] {
        guard let question = Self.reverseName(address) else { throw DNSError.invalidName(address) }
        return try await records(question, ns_t_ptr.rawValue) { DNSReply.pointers($0) }
    }

    /// Where a service is (SRV, RFC 2782), such as "_http._tcp.example.org": the ones to be tried first in front.
    public func services(of name: String) async throws -> [DNSService] {
        try await records(name, ns_t_srv.rawValue) { DNSReply.services($0) }
            .sorted { ($0.priority, -$0.weight) < ($1.priority, -$1.weight) }
    }

    /// The texts of a name (TXT), the parts of each put together.
    public func texts(of name: String) async throws -> [String] {
        try await records(name, ns_t_txt.rawValue) { DNSReply.texts($0) }
    }

    private func records<Record>(
        _ name: String, _ type: UInt32, _ read: @escaping ([UInt8]) -> [Record]?
    ) async throws -> [Record] {
        try Task.checkCancellation()
        let channel = try theChannel()
        let answer = await withUnsafeContinuation { (continuation: UnsafeContinuation<Question.Answer, Never>) in
            let question = Question { continuation.resume(returning: $0) }
            channel.ask { channel in
                ares_query(
                    channel, name, Int32(ns_c_in.rawValue), Int32(type),
                    { context, status, _, bytes, count in
                        MainActor.assumeIsolated {
                            Question.take(context!).answer(
                                records: status, Array(UnsafeBufferPointer(start: bytes, count: Int(count))))
                        }
                    }, question.retained())
            }
        }
        switch answer {
        case .records(let bytes):
            guard let records = read(bytes) else { throw DNSError.failed(name, reason: "the answer cannot be read") }
            guard !records.isEmpty else { throw DNSError.notFound(name) }
            return records
        case .failure(let status): throw Self.error(name, status)
        case .addresses: throw DNSError.notFound(name)
        }
    }

    /// RFC 1035 §3.5, RFC 3596 §2.5.
    private static func reverseName(_ address: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: 16)
        if ares_inet_pton(AF_INET, address, &bytes) == 1 {
            return bytes[..<4].reversed().map { "\($0)." }.joined() + "in-addr.arpa"
        }
        guard ares_inet_pton(AF_INET6, address, &bytes) == 1 else { return nil }
        return bytes.reversed().map { "\(String($0 & 15, radix: 16)).\(String($0 >> 4, radix: 16))." }.joined()
            + "ip6.arpa"
    }
}

extension DNSResolver: HostResolver {
    package func lookUp(
        _ host: String, _ answer: @escaping @MainActor (Result<[HostAddress], ConnectionError>) -> Void
    ) -> UInt64 {
        resolve(host) { result in
            answer(
                result.map { $0.compactMap { HostAddress($0) } }
                    .mapError { ConnectionError(lookingUp: $0.description) })
        }
    }

    /// Nobody waits for this answer any more. Others may.
    package func cancelLookUp(_ id: UInt64) {
        guard let name = names.removeValue(forKey: id) else { return }
        open[name]?[id] = nil
    }
}

/// One question to c-ares, until it is answered.
private final class Question {
    enum Answer {
        /// With how many seconds they hold.
        case addresses([String], Int)
        case records([UInt8])
        /// A status of c-ares.
        case failure(Int32)
    }

    private let completion: (Answer) -> Void

    init(_ completion: @escaping (Answer) -> Void) { self.completion = completion }

    nonisolated deinit {}

    /// c-ares holds it until it calls back, once.
    func retained() -> UnsafeMutableRawPointer { Unmanaged.passRetained(self).toOpaque() }

    static func take(_ context: UnsafeMutableRawPointer) -> Question {
        Unmanaged<Question>.fromOpaque(context).takeRetainedValue()
    }

    /// It may be called from within the asking: what it leads to waits for the end of the turn.
    private func finish(_ answer: Answer) {
        guard let loop = EventLoop.current else { return }
        loop.execute { [completion] in completion(answer) }
    }

    func answer(records status: Int32, _ bytes: [UInt8]) {
        finish(status == ARES_SUCCESS ? .records(bytes) : .failure(status))
    }

    func answer(addresses status: Int32, _ info: UnsafeMutablePointer<ares_addrinfo>?) {
        guard status == ARES_SUCCESS, let info else { return finish(.failure(status)) }
        defer { ares_freeaddrinfo(info) }
        var addresses: [String] = []
        var seconds = Int.max
        var node = info.pointee.nodes
        while let current = node?.pointee {
            if let text = Self.text(current) {
                addresses.append(text)
                seconds = min(seconds, Int(current.ai_ttl))
            }
            node = current.ai_next
        }
        finish(.addresses(addresses, addresses.isEmpty ? 0 : seconds))
    }

    private static func text(_ node: ares_addrinfo_node) -> String? {
        guard let address = node.ai_addr else { return nil }
        var text = [CChar](repeating: 0, count: 64)
        let raw = UnsafeRawPointer(address)
        // Behind family and port, and in IPv6 the flow.
        let bytes = node.ai_family == AF_INET ? raw + 4 : raw + 8
        guard ares_inet_ntop(node.ai_family, bytes, &text, ares_socklen_t(text.count)) != nil else { return nil }
        return text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }
}

/// Hands an answer to the task that waits for it, whichever comes first.
private final class DNSWaiter {
    private var continuation: UnsafeContinuation<Result<[String], any Error>, Never>?
    private var result: Result<[String], any Error>?

    nonisolated deinit {}

    func wait(_ continuation: UnsafeContinuation<Result<[String], any Error>, Never>) {
        if let result { continuation.resume(returning: result) } else { self.continuation = continuation }
    }

    func finish(_ result: Result<[String], DNSError>) { end(result.mapError { $0 }) }
    func cancel() { end(.failure(CancellationError())) }

    private func end(_ result: Result<[String], any Error>) {
        guard self.result == nil else { return }
        self.result = result
        continuation.take()?.resume(returning: result)
    }
}
