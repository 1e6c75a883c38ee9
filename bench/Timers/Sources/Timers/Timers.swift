import Apus

/// What timers cost: adding and cancelling many in random order, beside libevent's, and firing many that are due.
///
///     swift run -c release --package-path bench/Timers Timers [ROUNDS]
@main
enum Timers {
    private static let sizes = [1000, 10_000, 100_000, 1_000_000]

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
        print("ns for each timer, of Apus and libevent, and Apus / libevent\n")
        print(
            (["timers"] + ["add", "cancel", "in order"].flatMap { ["\($0) A", "\($0) L", "A/L"] }).map(cell).joined())
        for size in sizes {
            let random = compare(Load(count: size, isShuffled: true), rounds)
            let inOrder = compare(Load(count: size, isShuffled: false), rounds)
            let figures = [(random, \Cost.adding), (random, \.cancelling), (inOrder, \.cancelling)].flatMap(row)
            print(([cell("\(size)")] + figures).joined())
        }
    }

    /// Both sides, one after the other and each as often first.
    private static func compare(_ load: Load, _ rounds: Int) -> [(apus: Cost, libevent: Cost)] {
        (0..<rounds).map { round in
            if round % 2 == 0 {
                let apus = load.measure(Load.runApus)
                return (apus, load.measure(Load.runLibevent))
            }
            let libevent = load.measure(Load.runLibevent)
            return (load.measure(Load.runApus), libevent)
        }
    }

    private static func row(_ costs: [(apus: Cost, libevent: Cost)], _ figure: KeyPath<Cost, Double>) -> [String] {
        let ratio = median(costs.map { $0.apus[keyPath: figure] / $0.libevent[keyPath: figure] })
        return [
            cell(number(median(costs.map { $0.apus[keyPath: figure] }))),
            cell(number(median(costs.map { $0.libevent[keyPath: figure] }))),
            cell("\((ratio * 100).rounded() / 100)"),
        ]
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

    private static func cell(_ text: String) -> String { String(repeating: " ", count: max(0, 11 - text.count)) + text }
}
