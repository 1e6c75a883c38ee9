import Apus
import CApus
import TestSupport
import Testing

/// What a timer does when it fires.
private enum Action {
    case nothing
    /// Due at once, yet not in this turn.
    case add
    /// A timer by its number, which may be itself, one that is due as well, or one that is gone.
    case cancel(Int)
    case removeAll
}

/// A heap of timers, or what stands for one.
private protocol Timers: AnyObject {
    /// Timers get numbers from 0.
    func add(due: Int64, interval: Int64, action: Action)
    /// False when it does not wait.
    func cancel(_ number: Int) -> Bool
    func removeAll()
    func runDue(_ now: Int64)
    func isWaiting(_ number: Int) -> Bool
    var addedCount: Int { get }
    var state: TimersState { get }
    /// What fired, whether it still waited as it did, and what its action came to.
    var log: [String] { get set }
}

/// What can be seen of a heap.
private struct TimersState: Equatable {
    let log: [String]
    /// Numbers, from the lowest.
    let waiting: [Int]
    let count: Int
    let nextDeadline: Int64
}

extension Timers {
    func fired(_ number: Int, _ now: Int64, _ action: Action) {
        var event = "\(number) at \(now), waits: \(isWaiting(number))"
        switch action {
        case .nothing: break
        case .add: add(due: now, interval: -1, action: .nothing)
        case .cancel(let other): event += ", cancels \(other): \(cancel(other))"
        case .removeAll: removeAll()
        }
        log.append(event)
    }
}

private final class HeapTimers: Timers {
    private let heap = TimerHeap()
    private var timers: [WorkerTimer] = []
    private var now: Int64 = 0
    var log: [String] = []

    func add(due: Int64, interval: Int64, action: Action) {
        let number = timers.count
        timers.append(WorkerTimer(interval: interval) { [unowned self] _ in fired(number, now, action) })
        heap.add(timers[number], due: due)
    }

    func cancel(_ number: Int) -> Bool { heap.remove(timers[number]) }
    func removeAll() { heap.removeAll() }

    func runDue(_ now: Int64) {
        self.now = now
        var status = capus_worker_status()
        heap.runDue(now, &status)
    }

    func isWaiting(_ number: Int) -> Bool { timers[number].isWaiting }
    var addedCount: Int { timers.count }
    var state: TimersState {
        let waiting = timers.indices.filter(isWaiting)
        return TimersState(log: log, waiting: waiting, count: heap.count, nextDeadline: heap.nextDeadline)
    }
}

/// All timers that wait, in no order: what is next is searched for.
private final class ListedTimers: Timers {
    private struct Waiting {
        let number: Int
        let due: Int64
        let sequence: Int
    }

    private var kinds: [(interval: Int64, action: Action)] = []
    private var waiting: [Waiting] = []
    private var lastSequence = 0
    var log: [String] = []

    func add(due: Int64, interval: Int64, action: Action) {
        kinds.append((interval, action))
        wait(kinds.count - 1, due)
    }

    private func wait(_ number: Int, _ due: Int64) {
        lastSequence += 1
        waiting.append(Waiting(number: number, due: due, sequence: lastSequence))
    }

    func cancel(_ number: Int) -> Bool {
        let count = waiting.count
        waiting.removeAll { $0.number == number }
        return waiting.count < count
    }

    func removeAll() { waiting = [] }

    func runDue(_ now: Int64) {
        let newest = lastSequence
        while let next = waiting.min(by: { ($0.due, $0.sequence) < ($1.due, $1.sequence) }), next.due <= now,
            next.sequence <= newest
        {
            _ = cancel(next.number)
            let (interval, action) = kinds[next.number]
            if interval >= 0 {
                wait(next.number, next.due + interval > now ? next.due + interval : now + interval)
            }
            fired(next.number, now, action)
        }
    }

    func isWaiting(_ number: Int) -> Bool { waiting.contains { $0.number == number } }
    var addedCount: Int { kinds.count }
    var state: TimersState {
        TimersState(
            log: log, waiting: waiting.map(\.number).sorted(), count: waiting.count,
            nextDeadline: waiting.map(\.due).min() ?? -1)
    }
}

@Suite struct `The heap of timers` {
    /// Deadlines are few, so that many are equal; a hundred timers and more wait, so that the heap is several levels
    /// deep and grows.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `fires and cancels as a list does that is searched`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let heap = HeapTimers()
        let list = ListedTimers()
        let both: [any Timers] = [heap, list]
        var now: Int64 = 0
        var most = 0
        var firedCount = 0
        for step in 0..<600 {
            let added = list.addedCount
            switch step < 100 ? 0 : Int.random(in: 0..<100, using: &random) {
            case 0..<60:
                let due = now + Int64.random(in: 0..<60, using: &random)
                let repeats = Int.random(in: 0..<10, using: &random) == 0
                let interval = repeats ? Int64.random(in: 0...9, using: &random) : -1
                let action = action(of: added, &random)
                for timers in both { timers.add(due: due, interval: interval, action: action) }
            case 60..<85:
                let number = Int.random(in: 0..<added, using: &random)
                let cancelled = both.map { $0.cancel(number) }
                #expect(cancelled[0] == cancelled[1], "step \(step): cancelling \(number)")
            case 99 where step % 4 == 0:
                for timers in both { timers.removeAll() }
            default:
                now += Int64.random(in: 0...2, using: &random)
                for timers in both { timers.runDue(now) }
            }
            guard heap.state == list.state else {
                #expect(heap.state == list.state, "step \(step)")
                return
            }
            most = max(most, list.state.count)
            firedCount += list.log.count
            for timers in both { timers.log = [] }
        }
        #expect(most > 64 && firedCount > 50, "\(most) waited at most, and \(firedCount) fired")
    }

    private func action(of number: Int, _ random: inout SeededGenerator) -> Action {
        switch Int.random(in: 0..<200, using: &random) {
        case 0..<20: .add
        case 20..<60: .cancel(Int.random(in: 0...number, using: &random))
        case 60: .removeAll
        default: .nothing
        }
    }

    @Test func `lets go of timers that fired, were cancelled or were removed`() {
        let heap = TimerHeap()
        var status = capus_worker_status()
        weak var first: WorkerTimer?
        weak var second: WorkerTimer?
        weak var third: WorkerTimer?
        do {
            let timers = (0..<3).map { _ in WorkerTimer(interval: -1) { _ in } }
            (first, second, third) = (timers[0], timers[1], timers[2])
            for (due, timer) in timers.enumerated() { heap.add(timer, due: Int64(due)) }
        }
        #expect(first != nil && second != nil && third != nil)
        heap.runDue(0, &status)
        #expect(first == nil)
        if let timer = second { #expect(heap.remove(timer)) }
        #expect(second == nil && third != nil)
        heap.removeAll()
        #expect(third == nil)
        #expect(heap.count == 0 && heap.nextDeadline == -1)
    }

    @Test func `lets go of what timers do that are over, also when somebody keeps them`() {
        final class Purpose {
            nonisolated deinit {}
        }
        let heap = TimerHeap()
        var status = capus_worker_status()
        weak var purpose: Purpose?
        let make = { (interval: Int64) in
            let known = Purpose()
            purpose = known
            return WorkerTimer(interval: interval) { _ in _ = known }
        }
        let once = make(-1)
        heap.add(once, due: 0)
        #expect(purpose != nil)
        heap.runDue(0, &status)
        #expect(purpose == nil)
        let repeating = make(1)
        heap.add(repeating, due: 0)
        heap.runDue(0, &status)
        #expect(purpose != nil)
        heap.removeAll()
        #expect(purpose == nil)
        withExtendedLifetime((once, repeating)) {}
    }
}
