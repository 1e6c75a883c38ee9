import Apus
import TestSupport
import Testing

@Suite struct `Cron rules` {
    /// The first times after `start`, in UTC.
    private func times(
        _ rule: String, after start: String, in zone: ZoneInfo = .utc, count: Int
    ) throws -> [String] {
        let rule = try CronRule(rule)
        var time: Int? = instant(start)
        return (0..<count).map { _ in
            time = time.flatMap { rule.next(after: $0, in: zone) }
            return text(time)
        }
    }

    @Test(arguments: [
        ("* * * * * *", "2025-01-01T00:00:58Z", ["2025-01-01T00:00:59Z", "2025-01-01T00:01:00Z"]),
        ("*/20 * * * * *", "2025-01-01T00:00:00Z", ["2025-01-01T00:00:20Z", "2025-01-01T00:00:40Z"]),
        ("7/20 * * * * *", "2025-01-01T00:00:00Z", ["2025-01-01T00:00:07Z", "2025-01-01T00:00:27Z"]),
        ("10-14/2,50 * * * * *", "2025-01-01T00:00:10Z", ["2025-01-01T00:00:12Z", "2025-01-01T00:00:14Z"]),
        ("0 */5 * * * *", "2025-01-01T00:00:00Z", ["2025-01-01T00:05:00Z", "2025-01-01T00:10:00Z"]),
        ("*/5 * * * *", "2025-01-01T00:00:00Z", ["2025-01-01T00:05:00Z", "2025-01-01T00:10:00Z"]),
        ("50 7 * * *", "2025-01-01T07:50:00Z", ["2025-01-02T07:50:00Z", "2025-01-03T07:50:00Z"]),
        ("  1\t2  3 4 * ", "2025-01-01T00:00:00Z", ["2025-04-03T02:01:00Z", "2026-04-03T02:01:00Z"]),
        ("0 0 31 * *", "2025-01-01T00:00:00Z", ["2025-01-31T00:00:00Z", "2025-03-31T00:00:00Z"]),
        ("0 0 29 2 *", "2025-01-01T00:00:00Z", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
        ("0 0 29 2 *", "2096-03-01T00:00:00Z", ["2104-02-29T00:00:00Z"]),
        ("0 0 29 feb mon", "2025-01-01T00:00:00Z", ["2044-02-29T00:00:00Z", "2072-02-29T00:00:00Z"]),
        // Day of month and day of week, not either.
        ("0 0 13 * fri", "2025-01-01T00:00:00Z", ["2025-06-13T00:00:00Z", "2026-02-13T00:00:00Z"]),
        ("0 0 * * 7", "2025-01-01T00:00:00Z", ["2025-01-05T00:00:00Z", "2025-01-12T00:00:00Z"]),
        (
            "0 0 * * fri-sun", "2025-01-01T00:00:00Z",
            ["2025-01-03T00:00:00Z", "2025-01-04T00:00:00Z", "2025-01-05T00:00:00Z", "2025-01-10T00:00:00Z"]
        ),
        (
            "0 0 * * 5-7", "2025-01-03T00:00:00Z",
            ["2025-01-04T00:00:00Z", "2025-01-05T00:00:00Z", "2025-01-10T00:00:00Z"]
        ),
        (
            "0 0 * * */3", "2025-01-01T00:00:00Z",
            ["2025-01-04T00:00:00Z", "2025-01-05T00:00:00Z", "2025-01-08T00:00:00Z"]
        ),
        ("0 0 1 JAN,Jul *", "2025-01-01T00:00:00Z", ["2025-07-01T00:00:00Z", "2026-01-01T00:00:00Z"]),
        ("0 0 1 nov-dec *", "2025-01-01T00:00:00Z", ["2025-11-01T00:00:00Z", "2025-12-01T00:00:00Z"]),
        ("59 59 23 31 12 *", "2025-12-31T23:59:58Z", ["2025-12-31T23:59:59Z", "2026-12-31T23:59:59Z"]),
        ("@hourly", "2025-01-01T00:00:00Z", ["2025-01-01T01:00:00Z"]),
        ("@daily", "2025-01-01T00:00:00Z", ["2025-01-02T00:00:00Z"]),
        ("@midnight", "2025-01-01T00:00:00Z", ["2025-01-02T00:00:00Z"]),
        ("@weekly", "2025-01-01T00:00:00Z", ["2025-01-05T00:00:00Z"]),
        ("@Monthly", "2025-01-01T00:00:00Z", ["2025-02-01T00:00:00Z"]),
        ("@yearly", "2025-01-01T00:00:00Z", ["2026-01-01T00:00:00Z"]),
        ("@annually", "2025-01-01T00:00:00Z", ["2026-01-01T00:00:00Z"]),
        ("0 0 0 1 1 *", "1901-06-01T00:00:00Z", ["1902-01-01T00:00:00Z"]),
    ])
    func `name their times`(_ rule: String, _ start: String, _ expected: [String]) throws {
        #expect(try times(rule, after: start, count: expected.count) == expected)
    }

    /// `nil` is the number of fields.
    @Test(
        arguments: [
            ("", nil), ("* * * *", nil), ("* * * * * * *", nil), ("@reboot", nil), ("@", nil),
            ("60 * * * * *", .second), ("-1 * * * * *", .second), ("1,, * * * * *", .second),
            (",1 * * * * *", .second), ("1,* * * * * *", .second), ("*,1 * * * * *", .second),
            ("** * * * * *", .second),
            ("*/0 * * * * *", .second), ("*/61 * * * * *", .second), ("*/ * * * * *", .second),
            ("*/* * * * * *", .second),
            ("5-3 * * * * *", .second), ("1-2-3 * * * * *", .second), ("1/2/3 * * * * *", .second),
            ("1- * * * * *", .second),
            ("*-5 * * * * *", .second), ("a * * * * *", .second), ("001 * * * * *", .second), ("+1 * * * * *", .second),
            ("١ * * * * *", .second), ("1.5 * * * * *", .second), ("? * * * * *", .second),
            ("* 60 * * * *", .minute), ("60 * * * *", .minute), ("* 24 * * *", .hour), ("* * 0 * *", .dayOfMonth),
            ("* * 32 * *", .dayOfMonth), ("* * L * *", .dayOfMonth), ("* * * 0 *", .month), ("* * * 13 *", .month),
            ("* * * january *", .month), ("* * * mon *", .month), ("* * * * 8", .dayOfWeek),
            ("* * * * jan", .dayOfWeek),
            ("* * * * 5-3", .dayOfWeek), ("* * * * 5#2", .dayOfWeek), ("0 0 31 2 *", .dayOfMonth),
            ("0 0 30,31 feb *", .dayOfMonth), ("0 0 31 4,6,9,11 *", .dayOfMonth),
        ] as [(String, CronField?)])
    func `say which field is wrong`(_ rule: String, _ field: CronField?) {
        let error = #expect(throws: CronRuleError.self) { try CronRule(rule) }
        #expect(error?.field == field, "\(error as Any)")
    }

    // MARK: Changes of the clocks

    @Test(arguments: [
        // 02:00 to 03:00 did not exist on the 30th.
        ("30 2 * * *", "Europe/Berlin", "2025-03-28T12:00:00Z", ["2025-03-29T01:30:00Z", "2025-03-31T00:30:00Z"]),
        ("0 3 * * *", "Europe/Berlin", "2025-03-29T12:00:00Z", ["2025-03-30T01:00:00Z", "2025-03-31T01:00:00Z"]),
        ("*/30 * * * *", "Europe/Berlin", "2025-03-30T00:20:00Z", ["2025-03-30T00:30:00Z", "2025-03-30T01:00:00Z"]),
        ("59 59 1 * * *", "Europe/Berlin", "2025-03-29T12:00:00Z", ["2025-03-30T00:59:59Z"]),
        // 02:00 to 03:00 came twice on the 26th.
        ("30 2 * * *", "Europe/Berlin", "2025-10-25T12:00:00Z", ["2025-10-26T00:30:00Z", "2025-10-27T01:30:00Z"]),
        ("0 2 * * *", "Europe/Berlin", "2025-10-25T12:00:00Z", ["2025-10-26T00:00:00Z", "2025-10-27T01:00:00Z"]),
        ("0 3 * * *", "Europe/Berlin", "2025-10-25T12:00:00Z", ["2025-10-26T02:00:00Z", "2025-10-27T02:00:00Z"]),
        (
            "*/30 2,3 * * *", "Europe/Berlin", "2025-10-25T23:00:00Z",
            ["2025-10-26T00:00:00Z", "2025-10-26T00:30:00Z", "2025-10-26T02:00:00Z"]
        ),
        // A rule for every hour goes on.
        (
            "*/30 * * * *", "Europe/Berlin", "2025-10-26T00:00:00Z",
            ["2025-10-26T00:30:00Z", "2025-10-26T01:00:00Z", "2025-10-26T01:30:00Z"]
        ),
        ("30 2 * * *", "America/New_York", "2025-03-08T12:00:00Z", ["2025-03-10T06:30:00Z"]),
        ("0 3 * * *", "America/New_York", "2025-03-08T12:00:00Z", ["2025-03-09T07:00:00Z"]),
        ("30 1 * * *", "America/New_York", "2025-11-01T12:00:00Z", ["2025-11-02T05:30:00Z", "2025-11-03T06:30:00Z"]),
        ("0 2 * * *", "America/New_York", "2025-11-01T12:00:00Z", ["2025-11-02T07:00:00Z"]),
        // By the rule behind the file's transitions.
        ("30 2 * * *", "Europe/Berlin", "2050-03-26T12:00:00Z", ["2050-03-28T00:30:00Z"]),
        ("30 2 * * *", "Europe/Berlin", "2050-10-29T12:00:00Z", ["2050-10-30T00:30:00Z", "2050-10-31T01:30:00Z"]),
        ("30 2 * * *", "America/New_York", "2050-03-12T12:00:00Z", ["2050-03-14T06:30:00Z"]),
        ("30 1 * * *", "America/New_York", "2050-11-05T12:00:00Z", ["2050-11-06T05:30:00Z", "2050-11-07T06:30:00Z"]),
        // Half an hour on Lord Howe Island, and a day that Samoa left out.
        (
            "45 1 * * *", "Australia/Lord_Howe", "2025-04-05T00:00:00Z",
            ["2025-04-05T14:45:00Z", "2025-04-06T15:15:00Z"]
        ),
        ("0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", ["2012-12-29T22:00:00Z"]),
    ])
    func `follow the clocks of a zone`(_ rule: String, _ zone: String, _ start: String, _ expected: [String]) throws {
        #expect(try times(rule, after: start, in: ZoneInfo(zone), count: expected.count) == expected)
    }

    @Test func `are what looking at every second finds`() throws {
        var random = SeededGenerator(seed: 1)
        let berlin = try ZoneInfo("Europe/Berlin")
        for _ in 0..<200 {
            let change = instant(Bool.random(using: &random) ? "2025-03-30T01:00:00Z" : "2025-10-26T01:00:00Z")
            let start = change - Int.random(in: -3600...7200, using: &random)
            let field = { (range: ClosedRange<Int>, random: inout SeededGenerator) -> Set<Int> in
                Set((0..<Int.random(in: 1...3, using: &random)).map { _ in Int.random(in: range, using: &random) })
            }
            let (seconds, minutes) = (field(0...59, &random), field(0...59, &random))
            let hours = Bool.random(using: &random) ? Set(0...23) : field(0...5, &random)
            let list = { (values: Set<Int>) in values.map(String.init).joined(separator: ",") }
            let rule = "\(list(seconds)) \(list(minutes)) \(list(hours)) * * *"
            let expected = (start + 1...start + 172_800).first { time in
                let offset = berlin.secondsFromUTC(at: time)
                let local = time + offset
                let isRepeated = berlin.secondsFromUTC(at: time - 3600) == offset + 3600
                return seconds.contains(local % 60) && minutes.contains(local / 60 % 60)
                    && hours.contains(local / 3600 % 24) && (!isRepeated || hours.count == 24)
            }
            #expect(try CronRule(rule).next(after: start, in: berlin) == expected, "\(rule) after \(text(start))")
        }
    }

    @Test func `never trap far away`() throws {
        let berlin = try ZoneInfo("Europe/Berlin")
        for time in [Int.min, Int.max, -1 << 40, 1 << 40, -1 << 50, 1 << 50] {
            _ = try CronRule("0 0 29 2 mon").next(after: time, in: berlin)
            _ = berlin.secondsFromUTC(at: time)
        }
        #expect(try CronRule("@yearly").next(after: instant("9999-06-01T00:00:00Z"), in: .utc) == 253_402_300_800)
    }
}
