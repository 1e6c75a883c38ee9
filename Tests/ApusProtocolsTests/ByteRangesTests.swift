import ApusProtocols
import TestSupport
import Testing

@Suite struct `Byte ranges` {
    @Test(arguments: [
        // RFC 9110 §14.1.2, of a representation of 10,000 bytes.
        ("bytes=0-499", [0..<500]), ("bytes=500-999", [500..<1000]), ("bytes=-500", [9500..<10000]),
        ("bytes=9500-", [9500..<10000]), ("bytes=0-0,-1", [0..<1, 9999..<10000]),
        ("bytes= 0-999, 4500-5499, -1000", [0..<1000, 4500..<5500, 9000..<10000]),
        ("bytes=500-600,601-999", [500..<601, 601..<1000]), ("bytes=500-700,601-999", [500..<1000]),
        // What reaches over the end.
        ("bytes=0-", [0..<10000]), ("bytes=0-99999", [0..<10000]), ("bytes=-99999", [0..<10000]),
        ("bytes=9999-", [9999..<10000]), ("bytes=9999-99999999999999999999999", [9999..<10000]),
        ("bytes=-99999999999999999999999", [0..<10000]), ("bytes=0-0,10000-", [0..<1]),
        // Syntax that is allowed.
        ("BYTES=1-2", [1..<3]), (" bytes=1-2 ", [1..<3]), ("bytes=1-2,,\t,", [1..<3]), ("bytes=001-002", [1..<3]),
        // The order stays, unless something overlaps.
        ("bytes=50-60,0-10", [50..<61, 0..<11]), ("bytes=50-60,0-55,100-101", [0..<61, 100..<102]),
        ("bytes=5-6,5-6", [5..<7]),
    ])
    func `are read`(_ field: String, _ ranges: [Range<Int>]) {
        #expect(HTTPByteRanges(field, size: 10_000) == .satisfiable(ranges))
    }

    @Test(arguments: [
        "", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=1", "bytes=2-1", "bytes=1-2-3", "bytes=1 - 2",
        "bytes=+1-2", "bytes=1-2;", "bytes 1-2", "bytes =1-2", "items=1-2", "bytes=1-2,x", "bytes=0x1-2", "bytes=--1",
        "bytes=1-2, bytes=3-4", "bytes=0-,0-", "bytes=0-,-1", "bytes=1\u{0}-2", "bytes=\u{661}-2",
        "bytes=" + (0..<17).map { "\($0 * 2)-\($0 * 2)" }.joined(separator: ","),
    ])
    func `that are none do not count`(_ field: String) {
        #expect(HTTPByteRanges(field, size: 10_000) == .ignored)
    }

    @Test func `that do not exist cannot be satisfied`() {
        for field in [
            "bytes=10000-", "bytes=10000-10001", "bytes=-0", "bytes=20000-,-0", "bytes=99999999999999999999-",
        ] {
            #expect(HTTPByteRanges(field, size: 10_000) == .unsatisfiable, "\(field)")
        }
        for field in ["bytes=0-", "bytes=0-0", "bytes=-0"] { #expect(HTTPByteRanges(field, size: 0) == .unsatisfiable) }
        #expect(HTTPByteRanges("bytes=-1", size: 0) == .ignored)
        #expect(HTTPByteRanges("bytes=-5", size: .max) == .satisfiable([(.max - 5)..<(.max)]))
        #expect(HTTPByteRanges("bytes=0-", size: .max) == .satisfiable([0..<(.max)]))
    }

    @Test func `stay within the representation however they are mutated`() {
        var generator = SeededGenerator(seed: 3)
        let good = ["bytes=0-499", "bytes=-500", "bytes=9500-", "bytes=0-0,-1", "bytes=0-9, 20-29 ,25-40,-7"]
        for _ in 0..<100_000 {
            let field = mutated(good.randomElement(using: &generator)!, &generator)
            let size = [0, 1, 2, 100, 10_000, Int.max].randomElement(using: &generator)!
            guard case .satisfiable(let ranges) = HTTPByteRanges(field, size: size) else { continue }
            let total = ranges.reduce(0) { $0 + $1.count }
            #expect(!ranges.isEmpty && ranges.count <= HTTPByteRanges.mostRanges && total <= size, "\(field)")
            #expect(ranges.allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= size && !$0.isEmpty }, "\(field)")
        }
    }
}
