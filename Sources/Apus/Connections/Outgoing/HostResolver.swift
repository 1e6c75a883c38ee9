/// Finds the addresses of hosts for the outgoing connections of this process.
package protocol HostResolver: AnyObject {
    /// Calls `answer` once with the addresses of a host, best first, unless `cancel` is called before. Not before it
    /// returns. The id is not 0.
    func lookUp(
        _ host: String, _ answer: @escaping @MainActor (Result<[HostAddress], ConnectionError>) -> Void
    ) -> UInt64
    /// Nobody waits for this answer any more.
    func cancelLookUp(_ id: UInt64)
}

/// Who looks names up.
package enum HostResolvers {
    /// What is asked instead of the system's resolver, which is used when this is nil.
    package static var current: (any HostResolver)?

    static func resolve(_ host: String, _ answer: @escaping Resolver.Answer) -> @MainActor () -> Void {
        guard let current else {
            let id = Resolver.shared.resolve(host, answer)
            return { Resolver.shared.cancel(id) }
        }
        let id = current.lookUp(host) { answer($0.map { $0.map(\.native) }) }
        return { current.cancelLookUp(id) }
    }
}
