import CApus

/// The timers of a loop in a heap: adding and cancelling cost O(log n), looking at the next one nothing.
///
/// What decides the order stands in the heap itself, so that comparing does not fetch timers from all over memory. An
/// entry has four children rather than two: half the levels, and siblings are neighbours in memory.
///
/// A pointer to what lives as long as its loop, which is as long as the process: calling an object would count
/// references, and each count waits for the memory accesses before it.
package struct TimerHeap {
    private struct Entry {
        var deadline: Int64
        /// Among equal deadlines the timer that was added first comes first.
        var sequence: UInt64
        /// Retained by hand: moving a counted reference would count.
        var timer: Unmanaged<WorkerTimer>

        /// As one number, which is compared without a branch: one that looks at two would be guessed wrong often.
        private var key: Int128 { Int128(deadline) << 64 | Int128(sequence) }
        func precedes(_ other: Entry) -> Bool { key < other.key }
    }

    private struct Storage {
        var capacity = TimerHeap.firstCapacity
        var entries = UnsafeMutablePointer<Entry>.allocate(capacity: TimerHeap.firstCapacity)
        var count = 0
        var lastSequence: UInt64 = 0
        var nextDeadline: Int64 = -1
    }

    private static let firstCapacity = 64
    private let storage = UnsafeMutablePointer<Storage>.allocate(capacity: 1)
    private var entries: UnsafeMutablePointer<Entry> { storage.pointee.entries }

    package init() { storage.initialize(to: Storage()) }

    /// Timers that wait.
    package var count: Int { storage.pointee.count }
    /// Monotonic nanoseconds when the next timer is due, −1 when there is none.
    package var nextDeadline: Int64 { storage.pointee.nextDeadline }

    /// Takes a timer that does not wait, due at a time in monotonic nanoseconds.
    package func add(_ timer: WorkerTimer, due deadline: Int64) {
        if count == storage.pointee.capacity { grow() }
        storage.pointee.lastSequence += 1
        storage.pointee.count += 1
        let entry = Entry(
            deadline: deadline, sequence: storage.pointee.lastSequence, timer: .passRetained(timer))
        place(entry, at: siftUp(entry, from: count - 1))
        updateDeadline()
    }

    /// False when the timer does not wait.
    package func remove(_ timer: WorkerTimer) -> Bool {
        let index = timer.heapIndex
        guard index >= 0 else { return false }
        timer.heapIndex = -1
        storage.pointee.count -= 1
        if index < count {
            let last = entries[count]
            let hole = siftUp(last, from: index)
            place(last, at: hole < index ? hole : siftDown(last, from: index))
        }
        updateDeadline()
        Unmanaged.passUnretained(timer).release()
        return true
    }

    /// Timers are let go when the heap is empty already: what they own may add timers as it goes.
    package func removeAll() {
        let removed = UnsafeMutableBufferPointer(start: entries, count: count)
        let lastSequence = storage.pointee.lastSequence
        storage.pointee = Storage()
        storage.pointee.lastSequence = lastSequence
        for entry in removed { entry.timer.takeUnretainedValue().heapIndex = -1 }
        for entry in removed {
            entry.timer.takeUnretainedValue().end()
            entry.timer.release()
        }
        removed.deallocate()
    }

    /// Runs the timers that are due now. A timer added meanwhile waits for the next turn, so that an interval of zero
    /// cannot starve input and output.
    package func runDue(_ now: Int64, _ status: UnsafeMutablePointer<capus_worker_status>) {
        let newest = storage.pointee.lastSequence
        while count > 0, entries[0].deadline <= now, entries[0].sequence <= newest {
            let due = entries[0].deadline
            let timer = entries[0].timer.takeUnretainedValue()
            status.pointee.doing = UInt64(CAPUS_DOING_TIMER)
            _ = remove(timer)
            if timer.interval >= 0 {
                // No drift, and no burst after a late run: the next is one interval after the due time or after now.
                let next = due + timer.interval
                add(timer, due: next > now ? next : now + timer.interval)
            }
            timer.fire()
        }
    }

    private func updateDeadline() { storage.pointee.nextDeadline = count > 0 ? entries[0].deadline : -1 }

    private func grow() {
        let grown = UnsafeMutablePointer<Entry>.allocate(capacity: storage.pointee.capacity * 2)
        grown.moveInitialize(from: entries, count: count)
        entries.deallocate()
        storage.pointee.entries = grown
        storage.pointee.capacity *= 2
    }

    private func place(_ entry: Entry, at index: Int) {
        entries[index] = entry
        entry.timer.takeUnretainedValue().heapIndex = index
    }

    /// Moves a hole up, and its parents down, to where `entry` belongs. Returns where that is.
    private func siftUp(_ entry: Entry, from start: Int) -> Int {
        var hole = start
        while hole > 0 {
            let parent = (hole - 1) >> 2
            guard entry.precedes(entries[parent]) else { break }
            place(entries[parent], at: hole)
            hole = parent
        }
        return hole
    }

    /// Moves a hole down, and the first of its children up, to where `entry` belongs. Returns where that is.
    private func siftDown(_ entry: Entry, from start: Int) -> Int {
        var hole = start
        while true {
            var first = hole &* 4 &+ 1
            guard first < count else { break }
            let end = min(first &+ 4, count)
            var child = first &+ 1
            while child < end {
                first = entries[child].precedes(entries[first]) ? child : first
                child &+= 1
            }
            guard entries[first].precedes(entry) else { break }
            place(entries[first], at: hole)
            hole = first
        }
        return hole
    }
}
