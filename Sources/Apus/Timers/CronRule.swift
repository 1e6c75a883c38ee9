/// When a `Crontab` runs: a rule such as `0 30 2 * * mon-fri`.
///
/// Six fields, or five without the first: second (0–59), minute (0–59), hour (0–23), day of month (1–31), month (1–12
/// or `jan`–`dec`), day of week (0–7 or `sun`–`sat`; 0 and 7 are Sunday). A field is `*`, `*/n`, or a list, with
/// commas, of `a`, `a/n` (from `a` on), `a-b` and `a-b/n`. `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly`
/// are short for what they say.
///
/// All fields must match, day of month *and* day of week too, unlike in Unix' cron, where either is enough.
///
/// When clocks are set forward, times that do not exist are skipped. When they are set back, a time that comes twice
/// counts once, the first time; a rule for every hour goes on through the repeated one, so that `*/5 * * * *` never
/// pauses.
public nonisolated struct CronRule: Sendable, Hashable, CustomStringConvertible {
    /// The rule as it was given.
    public let description: String

    private let seconds, minutes, hours, days, months, weekdays: CronValues

    /// Reads a rule. Throws which field is wrong, and why.
    public init(_ text: String) throws(CronRuleError) {
        description = text
        let fields = (Self.shortcuts[text.lowercased()] ?? text).split { $0 == " " || $0 == "\t" }
        guard fields.count == 5 || fields.count == 6 else {
            let reason =
                text.hasPrefix("@") ? "this shortcut is not known" : "it has \(fields.count) fields, not 5 or 6"
            throw CronRuleError(rule: text, field: nil, reason: reason)
        }
        let texts = fields.count == 5 ? ["0"] + fields : fields
        func values(_ field: CronField, _ index: Int) throws(CronRuleError) -> CronValues {
            do {
                return try field.values(texts[index])
            } catch {
                throw CronRuleError(rule: text, field: field, reason: error.reason)
            }
        }
        seconds = try values(.second, 0)
        minutes = try values(.minute, 1)
        hours = try values(.hour, 2)
        days = try values(.dayOfMonth, 3)
        months = try values(.month, 4)
        weekdays = try values(.dayOfWeek, 5)
        guard let firstDay = days.first(from: 1), Self.hasMonth(withDay: firstDay, months) else {
            throw CronRuleError(rule: text, field: .dayOfMonth, reason: "no month of the rule has such a day")
        }
    }

    private static func hasMonth(withDay day: Int, _ months: CronValues) -> Bool {
        // Of a leap year.
        let dayCounts = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return (1...12).contains { months.contains($0) && day <= dayCounts[$0 - 1] }
    }

    /// The first time after `unixTime`, in seconds since 1970-01-01 00:00 UTC, that the rule holds for in a zone; nil
    /// when there is none within a hundred years.
    public func next(after unixTime: Int, in zone: ZoneInfo) -> Int? {
        var time = ZonePeriod.bounded(unixTime) + 1
        let limit = ZonePeriod.bounded(time + 36525 * CivilDate.secondsPerDay)
        let isForEveryHour = hours.count == 24
        while time < limit {
            let period = zone.period(at: time)
            // What the clocks showed in the period before already.
            let repeated = isForEveryHour ? 0 : max(0, period.previousOffset - period.offset)
            let start = max(time, period.start + repeated)
            let end = min(period.end, limit)
            if start < end, let local = firstMatch(from: start + period.offset, before: end + period.offset) {
                return local - period.offset
            }
            time = period.end
        }
        return nil
    }

    /// Seconds since 1970-01-01 00:00 by clocks that are never changed.
    private func firstMatch(from start: Int, before end: Int) -> Int? {
        var (day, second) = start.flooredDivision(by: CivilDate.secondsPerDay)
        while day * CivilDate.secondsPerDay < end {
            let date = CivilDate(dayNumber: day)
            if !months.contains(date.month) {
                day = date.firstOfNextMonth.dayNumber
                second = 0
                continue
            }
            if days.contains(date.day), weekdays.contains(CivilDate.weekday(ofDay: day)),
                let match = firstMatch(fromSecondOfDay: second)
            {
                let time = day * CivilDate.secondsPerDay + match
                return time < end ? time : nil
            }
            day += 1
            second = 0
        }
        return nil
    }

    private func firstMatch(fromSecondOfDay start: Int) -> Int? {
        let (hour, minute, second) = (start / 3600, start / 60 % 60, start % 60)
        if hours.contains(hour) {
            if minutes.contains(minute), let second = seconds.first(from: second) {
                return hour * 3600 + minute * 60 + second
            }
            if let minute = minutes.first(from: minute + 1), let second = seconds.first(from: 0) {
                return hour * 3600 + minute * 60 + second
            }
        }
        guard let hour = hours.first(from: hour + 1), let minute = minutes.first(from: 0),
            let second = seconds.first(from: 0)
        else { return nil }
        return hour * 3600 + minute * 60 + second
    }

    private static let shortcuts = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]
}

/// A rule that cannot be understood or never holds.
public nonisolated struct CronRuleError: Error, CustomStringConvertible, Sendable, Hashable {
    /// The rule as it was given.
    public let rule: String
    /// The field that is wrong; nil when it is the number of fields.
    public let field: CronField?
    /// What is wrong.
    public let reason: String
    /// One line for the user.
    public var description: String { "rule \"\(rule)\": " + (field.map { "\($0): " } ?? "") + reason }
}
