/// A time zone in the notation of the environment variable TZ (POSIX.1-2024 §8.3, with the extensions of RFC 9636
/// §3.3.2), such as `CET-1CEST,M3.5.0,M10.5.0/3`.
nonisolated struct PosixZoneRule: Sendable, Hashable {
    /// Daylight saving time, and when of each year it begins and ends.
    private struct Daylight: Hashable {
        let offset: Int
        let start: YearlyMoment
        let end: YearlyMoment
    }

    /// Seconds ahead of UTC.
    private let standardOffset: Int
    private let daylight: Daylight?

    /// Nil when the text is no such rule.
    init?(_ text: String) {
        var reader = Reader(rest: Array(text.utf8)[...])
        guard reader.skipName(), let standard = reader.offset() else { return nil }
        standardOffset = standard
        guard !reader.rest.isEmpty else {
            daylight = nil
            return
        }
        guard reader.skipName() else { return nil }
        var offset = standard + 3600
        if reader.rest.first != UInt8(ascii: ",") {
            guard let given = reader.offset() else { return nil }
            offset = given
        }
        guard reader.skip(","), let start = reader.moment(), reader.skip(","), let end = reader.moment(),
            reader.rest.isEmpty
        else { return nil }
        daylight = Daylight(offset: offset, start: start, end: end)
    }

    /// What holds at a Unix time.
    func period(at time: Int) -> ZonePeriod {
        guard let daylight else {
            return ZonePeriod(
                start: ZonePeriod.distantPast, end: ZonePeriod.distantFuture, offset: standardOffset,
                previousOffset: standardOffset)
        }
        let day = (time + standardOffset).flooredDivision(by: CivilDate.secondsPerDay).quotient
        let year = CivilDate(dayNumber: day).year
        // Days before and behind a year's are possible. Where one year's end is the next one's start, daylight saving
        // time goes on: its start sorts last, and the end is none.
        let sorted = (year - 2...year + 2).flatMap { year in
            [
                (time: daylight.end.seconds(in: year) - daylight.offset, offset: standardOffset, order: 0),
                (time: daylight.start.seconds(in: year) - standardOffset, offset: daylight.offset, order: 1),
            ]
        }.sorted { ($0.time, $0.order) < ($1.time, $1.order) }
        let changes = sorted.indices.filter { $0 + 1 == sorted.count || sorted[$0].time < sorted[$0 + 1].time }.map {
            sorted[$0]
        }
        let next = changes.firstIndex { $0.time > time } ?? changes.count
        let offset = next > 0 ? changes[next - 1].offset : standardOffset
        return ZonePeriod(
            start: next > 0 ? changes[next - 1].time : ZonePeriod.distantPast,
            end: next < changes.count ? changes[next].time : ZonePeriod.distantFuture,
            offset: offset, previousOffset: next > 1 ? changes[next - 2].offset : offset)
    }
}

/// A day of each year and a time of that day, by the clocks before it.
private nonisolated struct YearlyMoment: Hashable {
    enum Day: Hashable {
        /// `Jn`: 1 to 365, the leap day is never counted.
        case withoutLeapDay(Int)
        /// `n`: 0 to 365.
        case ofYear(Int)
        /// `Mm.w.d`: the week 5 is the month's last.
        case ofWeek(month: Int, week: Int, weekday: Int)
    }

    let day: Day
    /// Seconds from midnight; negative and more than a day are possible.
    let time: Int

    /// Seconds since 1970-01-01 00:00 of the clocks before it.
    func seconds(in year: Int) -> Int { dayNumber(in: year) * CivilDate.secondsPerDay + time }

    private func dayNumber(in year: Int) -> Int {
        let newYear = CivilDate(year: year, month: 1, day: 1).dayNumber
        switch day {
        case .withoutLeapDay(let n): return newYear + n - 1 + (n >= 60 && CivilDate.isLeap(year) ? 1 : 0)
        case .ofYear(let n): return newYear + n
        case .ofWeek(let month, let week, let weekday):
            let date = CivilDate(year: year, month: month, day: 1)
            let (first, next) = (date.dayNumber, date.firstOfNextMonth.dayNumber)
            var day = first + (weekday - CivilDate.weekday(ofDay: first) + 7) % 7 + (week - 1) * 7
            while day >= next { day -= 7 }
            return day
        }
    }
}

/// Reads the notation from left to right.
private nonisolated struct Reader {
    var rest: ArraySlice<UInt8>

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    /// Three letters or more, or letters, digits and signs between angle brackets.
    mutating func skipName() -> Bool {
        let isQuoted = skip("<")
        let count = rest.prefix { byte in
            isLetter(byte) || (isQuoted && (isDigit(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")))
        }.count
        rest.removeFirst(count)
        return count >= 3 && (!isQuoted || skip(">"))
    }

    /// Seconds ahead of UTC; the notation counts those behind.
    mutating func offset() -> Int? { time(most: 24).map { -$0 } }

    mutating func moment() -> YearlyMoment? {
        guard let day = day() else { return nil }
        guard skip("/") else { return YearlyMoment(day: day, time: 7200) }
        return time(most: 167).map { YearlyMoment(day: day, time: $0) }
    }

    private mutating func day() -> YearlyMoment.Day? {
        if skip("J") { return number(1...365).map { .withoutLeapDay($0) } }
        guard skip("M") else { return number(0...365).map { .ofYear($0) } }
        guard let month = number(1...12), skip("."), let week = number(1...5), skip("."),
            let weekday = number(0...6)
        else { return nil }
        return .ofWeek(month: month, week: week, weekday: weekday)
    }

    /// `[+-]hh[:mm[:ss]]` in seconds.
    private mutating func time(most hours: Int) -> Int? {
        let isNegative = skip("-")
        if !isNegative { _ = skip("+") }
        guard let hour = number(0...hours) else { return nil }
        var seconds = hour * 3600
        for unit in [60, 1] {
            guard skip(":") else { break }
            guard let value = number(0...59) else { return nil }
            seconds += value * unit
        }
        return isNegative ? -seconds : seconds
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int? {
        let digits = rest.prefix(while: isDigit)
        guard (1...3).contains(digits.count) else { return nil }
        rest.removeFirst(digits.count)
        let value = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return range.contains(value) ? value : nil
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 <= 9 }
    private func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }
}
