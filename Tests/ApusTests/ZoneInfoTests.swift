import Foundation
import TestSupport
import Testing

@testable import Apus

@Suite struct `Time zones` {
    @Test(arguments: [
        ("UTC", "2025-01-01T00:00:00Z", 0), ("Europe/Berlin", "2025-01-01T00:00:00Z", 3600),
        ("Europe/Berlin", "2025-03-30T00:59:59Z", 3600), ("Europe/Berlin", "2025-03-30T01:00:00Z", 7200),
        ("Europe/Berlin", "2025-10-26T00:59:59Z", 7200), ("Europe/Berlin", "2025-10-26T01:00:00Z", 3600),
        ("Europe/Berlin", "1970-07-01T00:00:00Z", 3600), ("Europe/Berlin", "1945-06-01T00:00:00Z", 10800),
        ("Europe/Berlin", "1880-01-01T00:00:00Z", 3208), ("Europe/Berlin", "2050-07-01T00:00:00Z", 7200),
        ("Europe/Berlin", "2050-12-01T00:00:00Z", 3600), ("America/New_York", "2025-03-09T06:59:59Z", -18000),
        ("America/New_York", "2025-03-09T07:00:00Z", -14400), ("America/New_York", "2025-11-02T05:59:59Z", -14400),
        ("America/New_York", "2025-11-02T06:00:00Z", -18000), ("America/New_York", "2099-07-01T00:00:00Z", -14400),
        ("Asia/Kolkata", "2025-01-01T00:00:00Z", 19800), ("Asia/Kathmandu", "2025-01-01T00:00:00Z", 20700),
        ("Australia/Sydney", "2050-01-01T00:00:00Z", 39600), ("Australia/Sydney", "2050-07-01T00:00:00Z", 36000),
        // Winter time is what Ireland's law calls the exception.
        ("Europe/Dublin", "2050-01-01T00:00:00Z", 0), ("Europe/Dublin", "2050-07-01T00:00:00Z", 3600),
        ("America/Nuuk", "2050-07-01T00:00:00Z", -3600), ("America/Nuuk", "2050-01-01T00:00:00Z", -7200),
        ("Etc/GMT+5", "2025-01-01T00:00:00Z", -18000),
    ])
    func `know their clocks`(_ name: String, _ time: String, _ offset: Int) throws {
        #expect(try ZoneInfo(name).secondsFromUTC(at: instant(time)) == offset)
    }

    @Test(arguments: [
        "Mars/Phobos", "", "europe/berlin ", "../etc/passwd", "/etc/localtime", "Europe/../UTC", "Europe/", "Europe",
        "Europe//Berlin", "Europe/Berlin\0", "zone.tab",
    ])
    func `that are not known are refused`(_ name: String) {
        let error = #expect(throws: ZoneInfoError.self) { try ZoneInfo(name) }
        #expect(error?.description.hasPrefix("time zone \"\(name)\": ") == true)
    }

    @Test(arguments: [
        ("CET-1CEST,M3.5.0,M10.5.0/3", 3600, 7200), ("EST5EDT,M3.2.0,M11.1.0", -18000, -14400), ("UTC0", 0, 0),
        ("<+0530>-5:30", 19800, 19800), ("<-03>3", -10800, -10800), ("AEST-10AEDT,M10.1.0,M4.1.0/3", 39600, 36000),
        ("XXX3EDT4,0/0,J365/23", -14400, -14400), ("AAA-1:30:15BBB-2,J60/-1,J300/25:30", 5415, 7200),
        ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", -7200, -3600), ("IST-2IDT,M3.4.4/26,M10.5.0", 7200, 10800),
        ("AAA0BBB,59,300", 0, 3600), (":Europe/Berlin", 3600, 7200), ("Europe/Berlin", 3600, 7200),
        (":/usr/share/zoneinfo/Asia/Tokyo", 32400, 32400), ("", 0, 0), ("no such zone", 0, 0), ("CET-1CEST", 0, 0),
        ("AB1", 0, 0), ("AAA25", 0, 0), ("AAA1BBB,M13.1.0,M1.1.0", 0, 0), ("AAA1BBB,M3.1.0", 0, 0),
        ("AAA1BBB,J0,J1", 0, 0), ("AAA1BBB,M3.6.0,M4.1.0", 0, 0), ("AAA1BBB,M3.1.0,M4.1.0x", 0, 0),
        ("AAA1BBB,M3.1.0/168,M4.1.0", 0, 0), ("<AAA1", 0, 0), ("AAA1:60", 0, 0),
    ])
    func `are read from TZ`(_ setting: String, _ january: Int, _ july: Int) {
        let zone = ZoneInfo(setting: setting)
        #expect(zone.secondsFromUTC(at: instant("2040-01-15T00:00:00Z")) == january)
        #expect(zone.secondsFromUTC(at: instant("2040-07-15T00:00:00Z")) == july)
    }

    @Test(arguments: [
        // Each year's end is the next one's start.
        ("AAA-1BBB,0/0,J365/25", 7200), ("CET-1CEST,M2.5.0,M2.5.0/3", 7200), ("AAA-1BBB0,0/0,J365/23", 0),
    ])
    func `have periods that stand beside each other`(_ rule: String, _ offset: Int) throws {
        let period = try #require(PosixZoneRule(rule)).period(at: instant("2040-07-15T00:00:00Z"))
        #expect(period.offset == offset && period.previousOffset == offset)
    }

    @Test func `may change days before and behind their year`() throws {
        // From the 4th of January on by the clocks of winter, from the 6th on by those of summer.
        let rule = try #require(PosixZoneRule("AAA-1BBB,J365/167,J365/100"))
        let clocks = ["2040-01-02", "2040-01-05", "2040-01-09"].map {
            rule.period(at: instant($0 + "T12:00:00Z")).offset
        }
        #expect(clocks == [7200, 3600, 7200])
    }

    private static let berlin = try! [UInt8](
        Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/Europe/Berlin")))

    @Test func `cut off files are refused`() throws {
        let bytes = Self.berlin
        let whole = try ZoneInfo(name: "whole", file: bytes)
        #expect(whole.secondsFromUTC(at: instant("2050-07-01T00:00:00Z")) == 7200)
        for count in 0..<bytes.count {
            #expect(throws: ZoneInfoError.self) { try ZoneInfo(name: "cut", file: [UInt8](bytes[..<count])) }
        }
    }

    @Test func `files of version 1 have 32-bit times and no rule`() throws {
        func number(_ value: Int32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { [UInt8]($0) } }
        var file = [UInt8]("TZif".utf8) + [UInt8](repeating: 0, count: 16)
        for count in [0, 0, 0, 2, 2, 4] as [Int32] { file += number(count) }
        file += number(-1000) + number(1000) + [1, 0] + number(3600) + [0, 0] + number(-7200) + [1, 0] + "AAA\0".utf8
        let zone = try ZoneInfo(name: "v1", file: file)
        #expect([-5000, -1000, 999, 1000, 1 << 40].map(zone.secondsFromUTC) == [3600, -7200, -7200, 3600, 3600])
        for (index, value) in [(0, 0), (44, 0x7F), (52, 2), (43, 255), (39, 0)] as [(Int, UInt8)] {
            var bad = file
            bad[index] = value
            #expect(throws: ZoneInfoError.self, "byte \(index)") { try ZoneInfo(name: "bad", file: bad) }
        }
    }

    @Test func `changed files never trap`() {
        var random = SeededGenerator(seed: 2)
        for _ in 0..<3000 {
            var bytes = Self.berlin
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let isNearEnd = Bool.random(using: &random)
                let range = isNearEnd ? bytes.count - 40..<bytes.count : 0..<bytes.count
                bytes[.random(in: range, using: &random)] = .random(in: 0...255, using: &random)
            }
            guard let zone = try? ZoneInfo(name: "changed", file: bytes) else { continue }
            for time in [Int.min, -5_000_000_000, 0, 1_700_000_000, 4_000_000_000, .max] {
                _ = zone.secondsFromUTC(at: time)
            }
            _ = try? CronRule("30 2 * * *").next(after: 1_700_000_000, in: zone)
        }
    }
}
