import ApusProtocols
import CApus
import Synchronization

/// A lock in memory that processes share. It survives the end of who holds it: the word says who that is, and when that
/// process has ended the next one takes it over. For changes that take microseconds.
nonisolated struct SharedLock {
    enum Outcome {
        case acquired
        /// Its holder has ended in the midst of a change.
        case takenOver
        /// Its holder lives, and has not let go of it within `patience`: somebody has stopped it.
        case busy
    }

    /// Nanoseconds that are waited at most.
    static let patience: Int64 = 1_000_000_000
    private static let spins = 200

    let word: UnsafeMutablePointer<Atomic<UInt64>>

    init(at place: UnsafeMutableRawPointer) { word = place.assumingMemoryBound(to: Atomic<UInt64>.self) }

    func acquire() -> Outcome {
        let own = ProcessMark.own
        var tries = 0
        var deadline: Int64?
        while true {
            let (exchanged, holder) = word.pointee.compareExchange(expected: 0, desired: own, ordering: .acquiring)
            if exchanged { return .acquired }
            tries += 1
            if tries < Self.spins { continue }
            if ProcessMark.hasEnded(holder) {
                if word.pointee.compareExchange(expected: holder, desired: own, ordering: .acquiring).exchanged {
                    return .takenOver
                }
                continue
            }
            let now = capus_monotonic_ns()
            let end = deadline ?? now + Self.patience
            if now > end { return .busy }
            deadline = end
            Self.pause()
        }
    }

    func release() { word.pointee.store(0, ordering: .releasing) }

    /// A millisecond for the holder, which may wait for a processor.
    private static func pause() {
        var none = false
        _ = capus_wait_readable([], &none, 0, 1)
    }
}

/// What tells a process from all others, also from a later one with its id: the id and, in clock ticks, its start.
nonisolated enum ProcessMark {
    private static let known = Atomic<UInt64>(0)

    /// That of this process.
    static var own: UInt64 {
        let pid = UInt64(UInt32(bitPattern: capus_process_id()))
        let mark = known.load(ordering: .relaxed)
        // Between the program's beginning and its callbacks it may have become a daemon.
        if mark >> 32 == pid { return mark }
        let new = pid << 32 | UInt64(facts("/proc/self/stat")?.start ?? 0)
        known.store(new, ordering: .relaxed)
        return new
    }

    static func hasEnded(_ mark: UInt64) -> Bool {
        guard mark != 0 else { return false }
        let pid = Int32(truncatingIfNeeded: mark >> 32)
        guard let (state, start) = facts("/proc/\(pid)/stat") else {
            return capus_send_signal(pid, 0) == -Int32(CAPUS_NO_PROCESS)
        }
        let wanted = UInt32(truncatingIfNeeded: mark)
        return state == "Z" || state == "X" || wanted != 0 && start != wanted
    }

    private static func facts(_ path: String) -> (state: Character, start: UInt32)? {
        withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { buffer in
            let count = capus_read_file(path, buffer.baseAddress!, buffer.count)
            guard count > 0 else { return nil }
            let text = String(decoding: buffer[..<count], as: UTF8.self)
            // The name, in front, may hold anything.
            guard let end = text.lastIndex(ofASCII: ")") else { return nil }
            let fields = text.behind(end).split(atASCII: " ")
            guard fields.count > 19, let state = fields[0].first, let start = UInt64(fields[19]) else { return nil }
            return (state, UInt32(truncatingIfNeeded: start))
        }
    }
}
