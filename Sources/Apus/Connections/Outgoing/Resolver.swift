import CApus

/// Looks up host names for the process' loop without blocking it.
///
/// The system answers a few at a time, and one that its name servers do not know takes seconds. Who asks for the same
/// name shares its answer, and what nobody waits for any more is not begun.
final class Resolver {
    static let shared = Resolver(loop: EventLoop.current)

    typealias Answer = @MainActor (Result<[capus_address], ConnectionError>) -> Void

    /// As many as the system is asked at a time: each has a thread.
    private static let mostAsked = 8
    /// Names that wait for their turn, at most: the last of more would wait for hours.
    private static let mostWaiting = 1024

    private let resolver: OpaquePointer?
    /// Who waits for the addresses of a host. Taken out and put back to be changed: a change in place takes memory of
    /// its own, and ends the process where there is none.
    private var answers: [String: [UInt64: Answer]] = [:]
    private var hosts: [UInt64: String] = [:]
    /// Those that the system is looking up, by the number of the question.
    private var asked: [UInt64: String] = [:]
    /// Those whose turn it is not yet.
    private var waiting: [String] = []
    private var lastID: UInt64 = 0

    private init(loop: EventLoop) {
        let descriptor = capus_eventfd_create()
        resolver = descriptor >= 0 ? capus_resolver_create(descriptor) : nil
        guard resolver != nil else { return }
        loop.watch(
            Watch(fd: descriptor) { [unowned self] in
                capus_eventfd_clear(descriptor)
                answersArrived()
            })
    }

    /// Calls `answer` with the addresses of a host, best first and without ports, unless `cancel` is called before.
    func resolve(_ host: String, _ answer: @escaping Answer) -> UInt64 {
        lastID += 1
        let id = lastID
        let others = answers.removeValue(forKey: host)
        var all = others ?? [:]
        all[id] = answer
        answers[host] = all
        hosts[id] = host
        if others == nil {
            if waiting.count < Self.mostWaiting {
                waiting.append(host)
                askMore()
            } else {
                failSoon(host, "\(waiting.count) other names are to be looked up before")
            }
        }
        return id
    }

    /// Nobody waits for this answer any more.
    func cancel(_ id: UInt64) {
        guard let host = hosts.removeValue(forKey: id), var others = answers.removeValue(forKey: host) else { return }
        others[id] = nil
        if others.isEmpty, let index = waiting.firstIndex(of: host) {
            waiting.remove(at: index)
        } else {
            answers[host] = others
        }
    }

    /// Not from within `resolve`.
    private func failSoon(_ host: String, _ reason: String) {
        EventLoop.current.execute { [self] in
            deliver(host, .failure(ConnectionError(description: "look up \(host): \(reason)")))
        }
    }

    private func askMore() {
        while asked.count < Self.mostAsked, let host = waiting.first {
            lastID += 1
            let failure = resolver.map { capus_resolver_start($0, lastID, host) } ?? Int32(CAPUS_NO_MEMORY)
            if failure == 0 {
                asked[lastID] = host
            } else if asked.isEmpty {
                failSoon(host, SystemError("look up", failure).description)
            } else {
                return  // There may be room for one more thread when one of those that run has ended.
            }
            waiting.removeFirst()
        }
    }

    private func answersArrived() {
        var answer = capus_resolved()
        while let resolver, capus_resolver_take(resolver, &answer) {
            guard let host = asked.removeValue(forKey: answer.id) else { continue }
            if let failure = answer.failure {
                deliver(host, .failure(ConnectionError(description: String(cString: failure))))
            } else {
                let count = Int(answer.count)
                let addresses = withUnsafeBytes(of: &answer.addresses) {
                    Array($0.bindMemory(to: capus_address.self)[..<count])
                }
                deliver(host, .success(addresses))
            }
        }
        askMore()
    }

    private func deliver(_ host: String, _ result: Result<[capus_address], ConnectionError>) {
        for (id, answer) in (answers.removeValue(forKey: host) ?? [:]).sorted(by: { $0.key < $1.key }) {
            // One that was called before may have given up another one.
            if hosts.removeValue(forKey: id) != nil { answer(result) }
        }
    }
}

/// Looks up a host for clients that are built on a C library, which would wait for the answer.
package final class HostLookup {
    private var id: UInt64 = 0

    /// Calls `answer` with the numeric addresses of `host`, best first, or why there are none.
    package init(_ host: String, _ answer: @escaping @MainActor (Result<[String], ConnectionError>) -> Void) {
        id = Resolver.shared.resolve(host) { result in answer(result.map { $0.map(\.ipText) }) }
    }

    nonisolated deinit {}

    /// Nobody waits for the answer any more.
    package func cancel() { Resolver.shared.cancel(id) }
}
