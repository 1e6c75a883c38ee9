/// Puts together what the processes of a load did in the same second.
nonisolated struct SecondsGathering {
    private struct Second {
        let index: Int
        var interval: LoadInterval
        var parts = 1
    }

    /// A process that is this many seconds late, or has ended, is not waited for.
    private static let patience = 2

    private let processes: Int
    /// In order.
    private var incomplete: [Second] = []
    private var nextIndex = 0

    init(processes: Int) { self.processes = processes }

    /// Takes what one process did in the second number `index`; returns the seconds that are complete with it.
    mutating func take(_ interval: LoadInterval, at index: Int) -> [LoadInterval] {
        guard index >= nextIndex else { return [] }
        if let place = incomplete.firstIndex(where: { $0.index == index }) {
            incomplete[place].interval.include(interval)
            incomplete[place].parts += 1
        } else {
            let place = incomplete.firstIndex { $0.index > index } ?? incomplete.endIndex
            incomplete.insert(Second(index: index, interval: interval), at: place)
        }
        var complete: [LoadInterval] = []
        while let first = incomplete.first, first.parts == processes || first.index + Self.patience <= index {
            complete.append(first.interval)
            nextIndex = first.index + 1
            incomplete.removeFirst()
        }
        return complete
    }
}
