/// A day as MySQL keeps it. MySQL knows days that the calendar does not have, such as 0000-00-00.
public nonisolated struct MySQLDate: Sendable, Hashable, Codable, Comparable, CustomStringConvertible {
    /// 0 to 9999.
    public var year: Int
    /// 0 to 12.
    public var month: Int
    /// 0 to 31.
    public var day: Int

    /// A day; it is not looked up in a calendar.
    public init(year: Int, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// Reads `2024-02-29`; nil when it is something else.
    public init?(_ text: some StringProtocol) {
        var digits = DigitReader(text)
        guard let year = digits.number(), digits.skip("-"), let month = digits.number(), digits.skip("-"),
            let day = digits.number(), digits.isAtEnd, month <= 12, day <= 31, year <= 9999
        else { return nil }
        self.init(year: year, month: month, day: day)
    }

    public static func < (a: MySQLDate, b: MySQLDate) -> Bool {
        (a.year, a.month, a.day) < (b.year, b.month, b.day)
    }

    /// `2024-02-29`
    public var description: String { "\(padded(year, 4))-\(padded(month))-\(padded(day))" }
}

/// A day and a time of day, from columns of type DATETIME and TIMESTAMP. It has no time zone: that of a TIMESTAMP is
/// the session's, see `MySQLOptions.sessionStatements`.
public nonisolated struct MySQLDateTime: Sendable, Hashable, Codable, Comparable, CustomStringConvertible {
    /// The day.
    public var date: MySQLDate
    /// 0 to 23.
    public var hour: Int
    /// 0 to 59.
    public var minute: Int
    /// 0 to 59.
    public var second: Int
    /// 0 to 999,999.
    public var microsecond: Int

    /// A moment of a day; nothing is looked up in a calendar.
    public init(
        year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0, microsecond: Int = 0
    ) {
        date = MySQLDate(year: year, month: month, day: day)
        self.hour = hour
        self.minute = minute
        self.second = second
        self.microsecond = microsecond
    }

    /// Reads `2024-02-29 12:30:00.5`; nil when it is something else.
    public init?(_ text: some StringProtocol) {
        guard let blank = text.utf8.firstIndex(where: { " T".utf8.contains($0) }), let date = MySQLDate(text[..<blank]),
            let time = MySQLTime(text[text.utf8.index(after: blank)...]), !time.isNegative, time.hours < 24
        else { return nil }
        self.date = date
        (hour, minute, second, microsecond) = (time.hours, time.minutes, time.seconds, time.microseconds)
    }

    public static func < (a: MySQLDateTime, b: MySQLDateTime) -> Bool {
        if a.date != b.date { return a.date < b.date }
        return (a.hour, a.minute, a.second, a.microsecond) < (b.hour, b.minute, b.second, b.microsecond)
    }

    /// `2024-02-29 12:30:00`, with six decimals when there is a fraction.
    public var description: String {
        "\(date) \(padded(hour)):\(padded(minute)):\(padded(second))\(fraction(microsecond))"
    }
}

/// A span of time, from columns of type TIME: up to 838 hours, forwards or backwards.
public nonisolated struct MySQLTime: Sendable, Hashable, Codable, CustomStringConvertible {
    /// It goes backwards.
    public var isNegative: Bool
    /// 0 to 838.
    public var hours: Int
    /// 0 to 59.
    public var minutes: Int
    /// 0 to 59.
    public var seconds: Int
    /// 0 to 999,999.
    public var microseconds: Int

    /// A span of time.
    public init(isNegative: Bool = false, hours: Int, minutes: Int, seconds: Int, microseconds: Int = 0) {
        self.isNegative = isNegative
        self.hours = hours
        self.minutes = minutes
        self.seconds = seconds
        self.microseconds = microseconds
    }

    /// Reads `-838:59:59.5`; nil when it is something else.
    public init?(_ text: some StringProtocol) {
        var digits = DigitReader(text)
        let isNegative = digits.skip("-")
        guard let hours = digits.number(), digits.skip(":"), let minutes = digits.number(), digits.skip(":"),
            let seconds = digits.number(), hours <= 838, minutes < 60, seconds < 60
        else { return nil }
        var microseconds = 0
        if digits.skip(".") {
            guard let value = digits.decimals(6) else { return nil }
            microseconds = value
        }
        guard digits.isAtEnd else { return nil }
        self.init(
            isNegative: isNegative, hours: hours, minutes: minutes, seconds: seconds, microseconds: microseconds)
    }

    /// `-12:30:00`, with six decimals when there is a fraction.
    public var description: String {
        "\(isNegative ? "-" : "")\(padded(hours)):\(padded(minutes)):\(padded(seconds))\(fraction(microseconds))"
    }
}

private nonisolated func padded(_ number: Int, _ width: Int = 2) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

private nonisolated func fraction(_ microseconds: Int) -> String {
    microseconds == 0 ? "" : ".\(padded(microseconds, 6))"
}

/// Reads decimal numbers and what stands between them.
private nonisolated struct DigitReader {
    private var rest: Substring.UTF8View

    init(_ text: some StringProtocol) { rest = Substring(text).utf8 }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    mutating func number() -> Int? {
        let digits = rest.prefix { (48...57).contains($0) }
        guard (1...4).contains(digits.count) else { return nil }
        rest.removeFirst(digits.count)
        return digits.reduce(0) { $0 * 10 + Int($1 - 48) }
    }

    /// The digits behind a point as a number of so many digits.
    mutating func decimals(_ width: Int) -> Int? {
        let digits = rest.prefix { (48...57).contains($0) }
        guard (1...width).contains(digits.count) else { return nil }
        rest.removeFirst(digits.count)
        let value = digits.reduce(0) { $0 * 10 + Int($1 - 48) }
        return (digits.count..<width).reduce(value) { value, _ in value * 10 }
    }
}
