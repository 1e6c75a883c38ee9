import Glibc

/// How requests of a load with a rate follow each other.
public nonisolated enum LoadArrivals: String, Sendable, CaseIterable {
    /// With the same time between any two.
    case constant
    /// At random and independent of each other, as those of many people are: a Poisson process.
    case poisson
}

/// When the requests of a load with a rate are to be sent, whatever the server does.
package nonisolated struct ArrivalSchedule: Sendable {
    private let interval: Double
    private let arrivals: LoadArrivals
    private var random: UInt64
    /// Nanoseconds since the start; a sum of whole nanoseconds would drift.
    private var time: Double

    /// `rate` a second. The shares of several processes interleave when each has the `offset` of its place, in
    /// intervals. The same seed gives the same arrivals.
    package init(rate: Double, _ arrivals: LoadArrivals, offset: Double = 0, seed: UInt64) {
        interval = 1e9 / rate
        self.arrivals = arrivals
        random = seed
        time = arrivals == .constant ? interval * offset : 0
        if arrivals == .poisson { advance() }
    }

    /// The next arrival, in nanoseconds since the start.
    package mutating func next() -> Int64 {
        defer { advance() }
        // Of the slowest rates, centuries, which fit into no number.
        return Int64(min(time, 0x1p61))
    }

    private mutating func advance() {
        switch arrivals {
        case .constant: time += interval
        // The gaps of a Poisson process are exponentially distributed.
        case .poisson: time -= log(uniform()) * interval
        }
    }

    /// More than 0, and 1 at most (SplitMix64, of 53 bits).
    private mutating func uniform() -> Double {
        random &+= 0x9E37_79B9_7F4A_7C15
        var z = random
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        z ^= z >> 31
        return Double((z >> 11) + 1) / 0x20_0000_0000_0000
    }
}
