/// Errors by kind, and what the first of each kind was.
package nonisolated struct ErrorTally: Sendable {
    private var counts = InlineArray<8, UInt64>(repeating: 0)
    private var causes = InlineArray<8, ErrorCause>(repeating: .unspecific)

    package init() {}

    package func count(_ kind: LoadErrorKind) -> UInt64 { counts[Int(kind.rawValue)] }

    /// The cause of the first error of that kind.
    package func cause(_ kind: LoadErrorKind) -> ErrorCause { causes[Int(kind.rawValue)] }

    package var total: UInt64 {
        var sum: UInt64 = 0
        for kind in LoadErrorKind.allCases { sum += count(kind) }
        return sum
    }

    package mutating func add(_ kind: LoadErrorKind, _ cause: ErrorCause, count: UInt64 = 1) {
        guard count > 0 else { return }
        if counts[Int(kind.rawValue)] == 0 { causes[Int(kind.rawValue)] = cause }
        counts[Int(kind.rawValue)] += count
    }

    package mutating func add(_ other: ErrorTally) {
        for kind in LoadErrorKind.allCases { add(kind, other.cause(kind), count: other.count(kind)) }
    }
}
