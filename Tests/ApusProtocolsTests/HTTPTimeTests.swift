import ApusProtocols
import TestSupport
import Testing

@Suite struct `HTTP dates` {
    static let now = HTTPTime(seconds: 1_795_000_000)  // November 2026

    @Test(arguments: [
        // RFC 9110 §5.6.7: one time in its three forms.
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
        ("Sun Nov  6 08:49:37 1994", 784_111_777),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Thu Jan  1 00:00:00 1970", 0),
        ("Wed, 31 Dec 1969 23:59:59 GMT", -1), ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
        ("Tue Feb 29 12:00:00 2000", 951_825_600), ("Tuesday, 29-Feb-00 12:00:00 GMT", 951_825_600),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799), ("Sat, 01 Jan 0000 00:00:00 GMT", -62_167_219_200),
        ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800),
        // Two digits: at most 50 years ahead of 2026.
        ("Wednesday, 01-Jan-76 00:00:00 GMT", 3_345_062_400), ("Saturday, 01-Jan-77 00:00:00 GMT", 220_924_800),
    ])
    func `are read`(_ text: String, _ seconds: Int) {
        #expect(HTTPTime(text, now: Self.now)?.seconds == Int64(seconds))
    }

    @Test(arguments: [
        "", "Sun", "Sun, ", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 6 Nov 1994 08:49:37 GMT", "sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ", " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT", "Tue, 29 Feb 1900 12:00:00 GMT", "Wed, 29 Feb 2023 12:00:00 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT", "Sunday, 06 Nov 1994 08:49:37 GMT", "Sun Nov 6 08:49:37 1994",
        "Sun Nov 006 08:49:37 1994", "Sun Nov  6 08:49:37 1994 GMT", "Foo, 06 Nov 1994 08:49:37 GMT",
        "784111777", "0", "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
    ])
    func `that are none are refused`(_ text: String) {
        #expect(HTTPTime(text, now: Self.now) == nil)
    }

    @Test func `are written in the first form`() {
        #expect(HTTPTime(seconds: 784_111_777).text == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPTime(seconds: -1).text == "Wed, 31 Dec 1969 23:59:59 GMT")
        #expect(HTTPTime(seconds: .max).text == "Fri, 31 Dec 9999 23:59:59 GMT")
        #expect(HTTPTime(seconds: .min).text == "Sat, 01 Jan 0000 00:00:00 GMT")
    }

    @Test func `survive being written and read`() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<20_000 {
            let time = HTTPTime(seconds: .random(in: -62_167_219_200...253_402_300_799, using: &generator))
            #expect(HTTPTime(time.text, now: Self.now) == time)
        }
    }

    @Test func `that are mutated are read or refused`() {
        var generator = SeededGenerator(seed: 2)
        let good = ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        for _ in 0..<50_000 {
            let text = mutated(good.randomElement(using: &generator)!, &generator)
            guard let time = HTTPTime(text, now: Self.now) else { continue }
            #expect(time.seconds >= -62_167_219_200 && time.seconds <= 253_402_300_800)
        }
    }
}

/// The text with a few bytes changed, removed or doubled.
func mutated(_ text: String, _ generator: inout SeededGenerator) -> String {
    var bytes = Array(text.utf8)
    for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
        let position = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes[position] = .random(in: 0...255, using: &generator)
        case 1: bytes.remove(at: position)
        case 2: bytes.insert(bytes[position], at: position)
        case 3: bytes.insert(contentsOf: bytes[position...].prefix(20), at: position)
        default: bytes[position] = Array("0123456789,-= \t\"*W/".utf8).randomElement(using: &generator)!
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}
