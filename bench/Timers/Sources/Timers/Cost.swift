import Apus
import LibeventTimers

/// Nanoseconds for each timer of a measurement.
struct Cost {
    var adding = 0.0
    var cancelling = 0.0
}

/// Timers to add and to cancel: the same for both sides.
struct Load {
    /// Seconds, in random order.
    let delays: [Double]
    /// The order of cancelling.
    let order: [UInt32]
    /// What takes too short to be measured is done several times.
    let repetitions: Int

    init(count: Int, isShuffled: Bool) {
        var random = Random(state: UInt64(count))
        delays = (0..<count).map { _ in Double.random(in: 1000..<2000, using: &random) }
        let indices = (0..<UInt32(count))
        order = isShuffled ? indices.shuffled(using: &random) : Array(indices)
        repetitions = max(1, 100_000 / count)
    }

    func measure(_ once: (Load) -> (adding: Duration, cancelling: Duration)) -> Cost {
        var cost = Cost()
        let all = Double(delays.count * repetitions)
        for _ in 0..<repetitions {
            let (adding, cancelling) = once(self)
            cost.adding += adding / .nanoseconds(1) / all
            cost.cancelling += cancelling / .nanoseconds(1) / all
        }
        return cost
    }

    /// Adding allocates timers; cancelling frees them. Unmanaged, so that shuffling touches them as little as in C.
    static func runApus(_ load: Load) -> (Duration, Duration) {
        var timers: [Unmanaged<WorkerTimer>] = []
        timers.reserveCapacity(load.delays.count)
        let adding = ContinuousClock().measure {
            for delay in load.delays { timers.append(.passRetained(WorkerTimer.after(delay) { _ in })) }
        }
        let shuffled = load.order.map { timers[Int($0)] }
        let cancelling = ContinuousClock().measure {
            for timer in shuffled { timer.takeRetainedValue().cancel() }
        }
        return (adding, cancelling)
    }

    static func runLibevent(_ load: Load) -> (Duration, Duration) {
        let cost = libevent_timers_run(load.delays, load.order, load.delays.count)
        return (.nanoseconds(cost.adding), .nanoseconds(cost.cancelling))
    }
}

/// The same numbers in every run (SplitMix64).
struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
