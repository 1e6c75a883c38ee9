/// Responses by the class of their status code.
public nonisolated struct StatusTally: Sendable {
    private var counts = InlineArray<6, UInt64>(repeating: 0)

    package init() {}

    /// Responses of a class: 2 for 200…299.
    public subscript(statusClass: Int) -> UInt64 {
        (1...5).contains(statusClass) ? counts[statusClass] : 0
    }

    /// Responses that tell of no success: neither 2xx nor 3xx.
    public var unsuccessful: UInt64 { self[1] + self[4] + self[5] }

    @inline(__always)
    package mutating func add(status: UInt16, count: Int = 1) {
        // The reader lets 100…599 through.
        counts[min(5, Int(status) / 100)] &+= UInt64(count)
    }

    package mutating func add(_ count: UInt64, statusClass: Int) { counts[statusClass] += count }
}
