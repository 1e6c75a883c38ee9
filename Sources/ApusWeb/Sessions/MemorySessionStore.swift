/// Sessions in the memory of this process: for tests and development, and for a service of one process that may forget
/// them when it ends.
public final class MemorySessionStore: SessionStore {
    private struct Entry {
        var data: [UInt8]
        var end: ContinuousClock.Instant
    }

    private let maxSessions: Int
    private let now: () -> ContinuousClock.Instant
    private var entries: [String: Entry] = [:]

    /// Keeps `maxSessions` at most: one more takes the place of those that would end first.
    public convenience init(maxSessions: Int = 100_000) {
        self.init(maxSessions: maxSessions) { ContinuousClock.now }
    }

    init(maxSessions: Int, now: @escaping () -> ContinuousClock.Instant) {
        precondition(maxSessions > 0, "a store keeps a session at least")
        self.maxSessions = maxSessions
        self.now = now
    }

    nonisolated deinit {}

    /// How many sessions are kept, those included whose time has passed but which nobody has asked for since.
    public var count: Int { entries.count }

    public func read(_ id: String) async -> [UInt8]? { entry(id)?.data }

    public func write(_ id: String, _ data: [UInt8], lifetime: Int, isNew: Bool) async -> Bool {
        guard isNew || entry(id) != nil else { return false }
        if entries[id] == nil, entries.count >= maxSessions { makeRoom() }
        entries[id] = Entry(data: data, end: now() + .seconds(lifetime))
        return true
    }

    public func touch(_ id: String, lifetime: Int) async -> Bool {
        guard entry(id) != nil else { return false }
        entries[id]?.end = now() + .seconds(lifetime)
        return true
    }

    public func remove(_ id: String) async { entries[id] = nil }

    private func entry(_ id: String) -> Entry? {
        guard let entry = entries[id] else { return nil }
        guard entry.end > now() else {
            entries[id] = nil
            return nil
        }
        return entry
    }

    /// Drops those whose time has passed, and a sixteenth at least, so that not each new session goes through all.
    private func makeRoom() {
        let ends = entries.values.map(\.end).sorted()
        let last = max(ends[min(maxSessions / 16, ends.count - 1)], now())
        entries = entries.filter { $0.value.end > last }
    }
}
