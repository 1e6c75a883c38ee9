import CApus

/// Looks up host names for the process' loop without blocking it.
final class Resolver {
    static let shared = Resolver(loop: EventLoop.current)

    typealias Answer = @MainActor (Result<[capus_address], ConnectionError>) -> Void

    private let resolver: OpaquePointer?
    private var waiting: [UInt64: Answer] = [:]
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
        let failure = resolver.map { capus_resolver_start($0, lastID, host) } ?? Int32(CAPUS_NO_MEMORY)
        waiting[lastID] = answer
        if failure != 0 {
            let id = lastID
            EventLoop.current.execute { [self] in
                deliver(id, .failure(ConnectionError(description: SystemError("look up \(host)", failure).description)))
            }
        }
        return lastID
    }

    /// Nobody waits for this answer any more.
    func cancel(_ id: UInt64) { waiting[id] = nil }

    private func answersArrived() {
        var answer = capus_resolved()
        while let resolver, capus_resolver_take(resolver, &answer) {
            if let failure = answer.failure {
                deliver(answer.id, .failure(ConnectionError(description: String(cString: failure))))
            } else {
                let count = Int(answer.count)
                let addresses = withUnsafeBytes(of: &answer.addresses) {
                    Array($0.bindMemory(to: capus_address.self)[..<count])
                }
                deliver(answer.id, .success(addresses))
            }
        }
    }

    private func deliver(_ id: UInt64, _ result: Result<[capus_address], ConnectionError>) {
        waiting.removeValue(forKey: id)?(result)
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
