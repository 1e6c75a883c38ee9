import ApusProtocols

/// A field of a rule of `Crontab`.
public nonisolated enum CronField: String, Sendable, CaseIterable, CustomStringConvertible {
    case second, minute, hour
    case dayOfMonth = "day of month"
    case month
    case dayOfWeek = "day of week"

    /// As errors name it.
    public var description: String { rawValue }

    /// What it may hold; for weekdays 7 is Sunday as well.
    var range: ClosedRange<Int> {
        switch self {
        case .second, .minute: 0...59
        case .hour: 0...23
        case .dayOfMonth: 1...31
        case .month: 1...12
        case .dayOfWeek: 0...6
        }
    }

    /// Names for its numbers, from the lowest.
    private var names: [String] {
        switch self {
        case .month: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
        case .dayOfWeek: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
        default: []
        }
    }

    /// Reads `*`, `*/n`, or a list of `a`, `a/n`, `a-b` and `a-b/n`.
    func values(_ text: Substring) throws(CronFieldError) -> CronValues {
        if text == "*" || text.hasPrefix("*/") {
            let step = try step(text.dropFirst(2), isGiven: text != "*")
            return CronValues(stride(from: range.lowerBound, through: range.upperBound, by: step))
        }
        var values = CronValues()
        for item in text.split(atASCII: ",", omittingEmptySubsequences: false) {
            let parts = item.split(atASCII: "/", maxSplits: 1, omittingEmptySubsequences: false)
            let step = try step(parts.count == 2 ? parts[1] : "", isGiven: parts.count == 2)
            let bounds = parts[0].split(atASCII: "-", maxSplits: 1, omittingEmptySubsequences: false)
            let low = try number(bounds[0])
            var high = parts.count == 2 ? max(low, range.upperBound) : low
            if bounds.count == 2 {
                high = try number(bounds[1])
                // "fri-sun"
                if self == .dayOfWeek, high == 0, low > 0 { high = 7 }
                guard low <= high else { throw CronFieldError("the range \(parts[0]) runs backwards") }
            }
            for value in stride(from: low, through: high, by: step) {
                values.insert(self == .dayOfWeek ? value % 7 : value)
            }
        }
        return values
    }

    private func step(_ text: Substring, isGiven: Bool) throws(CronFieldError) -> Int {
        guard isGiven else { return 1 }
        guard let step = digits(text), (1...range.count).contains(step) else {
            throw CronFieldError("\"\(text)\" is no step of 1 to \(range.count)")
        }
        return step
    }

    private func number(_ text: Substring) throws(CronFieldError) -> Int {
        if let index = names.firstIndex(of: text.lowercased()) { return range.lowerBound + index }
        let most = self == .dayOfWeek ? 7 : range.upperBound
        guard let value = digits(text), (range.lowerBound...most).contains(value) else {
            let alternative = names.isEmpty ? "" : ", nor a name such as \(names[1])"
            throw CronFieldError("\"\(text)\" is no number of \(range.lowerBound) to \(most)\(alternative)")
        }
        return value
    }

    private func digits(_ text: Substring) -> Int? {
        guard (1...2).contains(text.utf8.count), text.utf8.allSatisfy({ $0 &- 0x30 <= 9 }) else { return nil }
        return Int(text)
    }
}

/// What is wrong with a field.
nonisolated struct CronFieldError: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

/// Numbers of 0 to 63.
nonisolated struct CronValues: Sendable, Hashable {
    private var bits: UInt64 = 0

    init() {}
    init(_ values: some Sequence<Int>) {
        for value in values { insert(value) }
    }

    var count: Int { bits.nonzeroBitCount }

    mutating func insert(_ value: Int) { bits |= 1 << UInt64(value) }
    func contains(_ value: Int) -> Bool { bits >> UInt64(value) & 1 == 1 }

    /// The lowest that is not below `bound`.
    func first(from bound: Int) -> Int? {
        let rest = bits & (UInt64.max << UInt64(bound))
        return rest == 0 ? nil : rest.trailingZeroBitCount
    }
}
