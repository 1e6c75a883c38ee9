import CApus

/// The timers of a loop in a binary heap: adding and cancelling cost O(log n), looking at the next one nothing.
final class TimerHeap {
    @exclusivity(unchecked) private var timers: [WorkerTimer] = []
    private var lastSequence: UInt64 = 0

    /// Monotonic nanoseconds when the next timer is due, −1 when there is none.
    @exclusivity(unchecked) private(set) var nextDeadline: Int64 = -1
    /// Timers that wait.
    var count: Int { timers.count }

    func add(_ timer: WorkerTimer) {
        lastSequence += 1
        timer.sequence = lastSequence
        timer.heapIndex = timers.count
        timers.append(timer)
        siftUp(timer.heapIndex)
        updateDeadline()
    }

    /// False when the timer does not wait.
    func remove(_ timer: WorkerTimer) -> Bool {
        let index = timer.heapIndex
        guard index >= 0 else { return false }
        let last = timers.count - 1
        if index != last { exchange(index, last) }
        timers.removeLast()
        timer.heapIndex = -1
        if index != last {
            siftUp(index)
            siftDown(index)
        }
        updateDeadline()
        return true
    }

    func removeAll() {
        for timer in timers { timer.heapIndex = -1 }
        timers.removeAll()
        updateDeadline()
    }

    /// Runs the timers that are due now. A timer added meanwhile waits for the next turn, so that an interval of zero
    /// cannot starve input and output.
    func runDue(_ now: Int64, _ status: UnsafeMutablePointer<capus_worker_status>) {
        let newest = lastSequence
        while let timer = timers.first, timer.deadline <= now, timer.sequence <= newest {
            status.pointee.doing = UInt64(CAPUS_DOING_TIMER)
            _ = remove(timer)
            if timer.interval >= 0 {
                // No drift, and no burst after a late run: the next is one interval after the due time or after now.
                timer.deadline += timer.interval
                if timer.deadline <= now { timer.deadline = now + timer.interval }
                add(timer)
            }
            timer.fire()
        }
    }

    private func updateDeadline() { nextDeadline = timers.first?.deadline ?? -1 }

    private func precedes(_ a: WorkerTimer, _ b: WorkerTimer) -> Bool {
        a.deadline != b.deadline ? a.deadline < b.deadline : a.sequence < b.sequence
    }

    private func exchange(_ i: Int, _ j: Int) {
        timers.swapAt(i, j)
        timers[i].heapIndex = i
        timers[j].heapIndex = j
    }

    private func siftUp(_ start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            guard precedes(timers[index], timers[parent]) else { return }
            exchange(index, parent)
            index = parent
        }
    }

    private func siftDown(_ start: Int) {
        var index = start
        while true {
            let left = index * 2 + 1
            guard left < timers.count else { return }
            let right = left + 1
            let child = right < timers.count && precedes(timers[right], timers[left]) ? right : left
            guard precedes(timers[child], timers[index]) else { return }
            exchange(index, child)
            index = child
        }
    }
}
