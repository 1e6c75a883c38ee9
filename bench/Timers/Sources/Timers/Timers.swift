import Apus

/// What timers cost: adding and cancelling many in random order, and firing many that are due.
///
///     swift run -c release --package-path bench/Timers Timers [ROUNDS]
@main
enum Timers {
    private static let sizes = [1000, 10_000, 100_000, 1_000_000]
    /// Timers of one measurement at least: what takes too short to be measured is done several times.
    private static let least = 100_000

    static func main() throws {
        let rounds = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 5
        guard rounds > 0 else { fatalError("at least one round") }
        try EventLoop.run {
            showAddingAndCancelling(rounds)
            await showFiring(rounds)
        }
    }

    // MARK: Adding and cancelling

    private static func showAddingAndCancelling(_ rounds: Int) {
        let titles = ["timers", "add, ns", "cancel, ns", "add / log2 n", "cancel / log2 n"]
        print(titles.map { cell($0) }.joined())
        for size in sizes {
            let costs = (0..<rounds).map { _ in addAndCancel(size) }
            let add = median(costs.map(\.add))
            let cancel = median(costs.map(\.cancel))
            // 2^10 is about 1000: the number of levels of a binary heap.
            let levels = Double(Int.bitWidth - size.leadingZeroBitCount)
            print(([Double(size)] + [add, cancel, add / levels, cancel / levels]).map { cell(number($0)) }.joined())
        }
    }

    /// Nanoseconds for each timer while `count` of them are added, due in random order, and cancelled in another one.
    private static func addAndCancel(_ count: Int) -> (add: Double, cancel: Double) {
        var random = Random(state: UInt64(count))
        let delays = (0..<count).map { _ in Double.random(in: 1000..<2000, using: &random) }
        var timers: [WorkerTimer] = []
        var adding = Duration.zero
        var cancelling = Duration.zero
        let repetitions = max(1, least / count)
        for _ in 0..<repetitions {
            timers.removeAll(keepingCapacity: true)
            timers.reserveCapacity(count)
            adding += ContinuousClock().measure {
                for delay in delays { timers.append(WorkerTimer.after(delay) { _ in }) }
            }
            timers.shuffle(using: &random)
            cancelling += ContinuousClock().measure {
                for timer in timers { timer.cancel() }
            }
            precondition(timers.allSatisfy { !$0.isWaiting })
        }
        let all = Double(count * repetitions)
        return (nanoseconds(adding) / all, nanoseconds(cancelling) / all)
    }

    // MARK: Firing

    private static func showFiring(_ rounds: Int) async {
        let count = 100_000
        var costs: [Double] = []
        for _ in 0..<rounds { costs.append(await fire(count)) }
        print("\nfiring \(count) that are due: \(number(median(costs))) ns each")
    }

    /// Nanoseconds for each of `count` timers, which were added in random order, are all due, and fire in one go.
    private static func fire(_ count: Int) async -> Double {
        var random = Random(state: UInt64(count))
        let clock = ContinuousClock()
        var left = count
        return await withCheckedContinuation { continuation in
            var start = clock.now
            for _ in 0..<count {
                WorkerTimer.after(Double.random(in: 0..<0.001, using: &random)) { _ in
                    left -= 1
                    guard left == 0 else { return }
                    continuation.resume(returning: nanoseconds(clock.now - start) / Double(count))
                }
            }
            let allAreDue = clock.now + .milliseconds(2)
            while clock.now < allAreDue {}
            start = clock.now
        }
    }

    // MARK: Figures

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private static func nanoseconds(_ duration: Duration) -> Double { duration / .nanoseconds(1) }

    private static func number(_ value: Double) -> String {
        value < 100 ? "\((value * 10).rounded() / 10)" : "\(Int(value.rounded()))"
    }

    private static func cell(_ text: String) -> String { String(repeating: " ", count: 17 - text.count) + text }
}

/// The same numbers in every run (SplitMix64).
private struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
