/// A time as header fields name it, in whole seconds (RFC 9110 §5.6.7).
package struct HTTPTime: Hashable, Comparable, Sendable {
    /// Seconds since 1970-01-01 00:00 UTC.
    package let seconds: Int64

    package init(seconds: Int64) { self.seconds = seconds }

    package static func < (a: HTTPTime, b: HTTPTime) -> Bool { a.seconds < b.seconds }

    // MARK: Reading

    /// Reads any of the three forms. Nil for all else, and for days and hours that do not exist. `now` decides about
    /// the century of a year with two digits: none lies more than 50 years ahead.
    package init?(_ text: String, now: HTTPTime) {
        var scanner = TimeScanner(Array(text.utf8))
        guard let seconds = scanner.time(now) else { return nil }
        self.seconds = seconds
    }

    // MARK: Writing

    /// The form that servers send: "Sun, 06 Nov 1994 08:49:37 GMT". Years stay between 0 and 9999.
    package var text: String {
        let seconds = min(max(seconds, Self.first), Self.last)
        let second = Int(seconds - Self.day(of: seconds) * 86_400)
        let (year, month, day) = Self.date(ofDay: Self.day(of: seconds))
        let weekday = Int((Self.day(of: seconds) % 7 + 11) % 7)
        let clock = "\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
        let zeros = String(repeating: "0", count: year < 10 ? 3 : year < 100 ? 2 : year < 1000 ? 1 : 0)
        return "\(Self.weekdays[weekday].prefix(3)), \(two(day)) \(Self.months[month - 1]) \(zeros)\(year) \(clock) GMT"
    }

    private func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private static let first = day(year: 0, month: 1, day: 1) * 86_400
    private static let last = day(year: 10_000, month: 1, day: 1) * 86_400 - 1

    // MARK: The calendar

    static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
    static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    static func day(of seconds: Int64) -> Int64 { seconds >= 0 ? seconds / 86_400 : (seconds + 1) / 86_400 - 1 }

    /// Days since 1970-01-01 of a day in the Gregorian calendar; `year` is not negative. A year starts in March here,
    /// so that the day that some years have more is the last one.
    static func day(year: Int, month: Int, day: Int) -> Int64 {
        let year = month <= 2 ? year + 399 : year + 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return Int64(year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear) - 719_468 - 146_097
    }

    /// The date of a day, which is not before the year 0.
    static func date(ofDay day: Int64) -> (year: Int, month: Int, day: Int) {
        let days = Int(day) + 719_468 + 146_097
        let era = days / 146_097
        let ofEra = days % 146_097
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * ofYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + (era - 1) * 400 + (month <= 2 ? 1 : 0)
        return (year, month, ofYear - (153 * shifted + 2) / 5 + 1)
    }

    static func daysOf(month: Int, year: Int) -> Int {
        let isLong = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return [31, isLong ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    }
}

/// Reads the parts of a date one after the other.
private struct TimeScanner {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func time(_ now: HTTPTime) -> Int64? {
        guard bytes.count <= 40 else { return nil }
        let start = position
        if name(of: HTTPTime.weekdays) != nil { return take(", ") ? oldTime(now) : nil }
        position = start
        guard name(of: HTTPTime.weekdays.map { String($0.prefix(3)) }) != nil else { return nil }
        return take(", ") ? fixedTime() : take(" ") ? asctime() : nil
    }

    /// 06 Nov 1994 08:49:37 GMT
    private mutating func fixedTime() -> Int64? {
        guard let day = number(2), take(" "), let month = name(of: HTTPTime.months), take(" "), let year = number(4),
            take(" "), let clock = clock(), take(" GMT"), isAtEnd
        else { return nil }
        return seconds(year, month, day, clock)
    }

    /// 06-Nov-94 08:49:37 GMT
    private mutating func oldTime(_ now: HTTPTime) -> Int64? {
        guard let day = number(2), take("-"), let month = name(of: HTTPTime.months), take("-"), let short = number(2),
            take(" "), let clock = clock(), take(" GMT"), isAtEnd
        else { return nil }
        let (thisYear, _, _) = HTTPTime.date(ofDay: HTTPTime.day(of: min(max(now.seconds, 0), 253_402_300_799)))
        var year = thisYear / 100 * 100 + short
        if year > thisYear + 50 { year -= 100 } else if year <= thisYear - 50 { year += 100 }
        return seconds(year, month, day, clock)
    }

    /// Nov  6 08:49:37 1994
    private mutating func asctime() -> Int64? {
        guard let month = name(of: HTTPTime.months), take(" "), let day = take(" ") ? number(1) : number(2), take(" "),
            let clock = clock(), take(" "), let year = number(4), isAtEnd
        else { return nil }
        return seconds(year, month, day, clock)
    }

    private mutating func clock() -> Int? {
        guard let hour = number(2), take(":"), let minute = number(2), take(":"), let second = number(2) else {
            return nil
        }
        // The 61st second is a leap second's.
        return hour < 24 && minute < 60 && second <= 60 ? hour * 3600 + minute * 60 + second : nil
    }

    private func seconds(_ year: Int, _ month: Int, _ day: Int, _ clock: Int) -> Int64? {
        guard day >= 1, day <= HTTPTime.daysOf(month: month + 1, year: year) else { return nil }
        return HTTPTime.day(year: year, month: month + 1, day: day) * 86_400 + Int64(clock)
    }

    private var isAtEnd: Bool { position == bytes.count }

    private mutating func take(_ text: String) -> Bool {
        guard bytes[position...].starts(with: text.utf8) else { return false }
        position += text.utf8.count
        return true
    }

    private mutating func name(of names: [String]) -> Int? {
        for (index, name) in names.enumerated() where take(name) { return index }
        return nil
    }

    private mutating func number(_ digits: Int) -> Int? {
        guard position + digits <= bytes.count else { return nil }
        var value = 0
        for byte in bytes[position..<(position + digits)] {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        position += digits
        return value
    }
}
