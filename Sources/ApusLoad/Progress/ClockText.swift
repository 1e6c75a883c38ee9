/// Times of a run that goes on.
nonisolated enum ClockText {
    private static let second: Int64 = 1_000_000_000

    /// "12s", "1m05s"; below a minute "2.5s", where the fraction matters.
    static func text(_ nanoseconds: Int64, withFraction: Bool = false) -> String {
        let seconds = nanoseconds / second
        if withFraction, seconds < 60, nanoseconds % second != 0 {
            return NumberText.fixed(Double(nanoseconds) / 1e9, decimals: 1) + "s"
        }
        return seconds < 60 ? "\(seconds)s" : "\(seconds / 60)m\(seconds % 60 < 10 ? "0" : "")\(seconds % 60)s"
    }
}
