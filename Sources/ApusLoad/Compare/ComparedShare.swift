/// What share of the requests of two sides went wrong, and whether the difference can be chance.
public nonisolated struct ComparedShare: Sendable {
    /// The share of the first side, from 0 to 1.
    public let a: Double
    /// That of the second.
    public let b: Double
    /// Where `b - a` lies with a confidence of 95 %, if requests go wrong independently of each other.
    public let interval: ClosedRange<Double>

    init(_ difference: ShareDifference) {
        a = difference.a
        b = difference.b
        interval = difference.interval
    }

    /// The interval leaves out that there is no difference.
    public var isDifferent: Bool { !interval.contains(0) }

    /// What can be told of it, in plain words.
    public var verdictText: String {
        if a == 0, b == 0 { return "none" }
        let (low, high) = (Self.percent(interval.lowerBound), Self.percent(interval.upperBound))
        guard isDifferent else { return "not to be told from chance (\(low) … +\(high) %)" }
        if b > a { return "b has more, by \(low) … \(high) % of the requests" }
        let (least, most) = (Self.percent(-interval.upperBound), Self.percent(-interval.lowerBound))
        return "b has less, by \(least) … \(most) % of the requests"
    }

    static func percent(_ share: Double) -> String { NumberText.fixed(share * 100, decimals: 3) }
}
