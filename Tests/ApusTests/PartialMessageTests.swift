import CApus
import TestSupport
import Testing

@testable import Apus

@Suite struct `Bytes that are held` {
    private static func held(_ partial: borrowing PartialMessage) -> [UInt8] {
        partial.count == 0 ? [] : Array(UnsafeBufferPointer(start: partial.bytes, count: partial.count))
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func `Whatever is added and taken, they are those between`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var partial = PartialMessage()
        var model: [UInt8] = []
        var next: UInt8 = 0
        for _ in 0..<500 {
            if Bool.random(using: &random) {
                let count = Int.random(in: 1...300, using: &random)
                let added = (0..<count).map { next &+ UInt8(truncatingIfNeeded: $0) }
                next = next &+ UInt8(truncatingIfNeeded: count)
                if Bool.random(using: &random) {
                    partial.append(added, count)
                } else {
                    let (target, room) = partial.reserve(count + Int.random(in: 0...100, using: &random))
                    #expect(room >= count)
                    // All of the room is there, and what the scanners read behind it.
                    target.update(repeating: 0xFF, count: room + Int(CAPUS_SCAN_PADDING))
                    target.update(from: added, count: count)
                    partial.commit(count)
                }
                model += added
            } else {
                let count = Int.random(in: 0...model.count, using: &random)
                partial.consume(count)
                model.removeFirst(count)
            }
            #expect(Self.held(partial) == model)
        }
        partial.free()
    }

    /// What is left of thousands of messages is not moved with each of them.
    @Test func `Taking from the front moves nothing`() {
        var partial = PartialMessage()
        partial.append([UInt8](repeating: 0x61, count: 100_000), 100_000)
        let start = partial.bytes
        for taken in 1..<100_000 {
            partial.consume(1)
            guard partial.bytes == start + taken else {
                Issue.record("moved after \(taken)")
                break
            }
        }
        #expect(partial.count == 1)
        // Nor does the memory grow for what has room where bytes were done with.
        let (target, _) = partial.reserve(90_000)
        #expect(target == start + 1)
        partial.free()
    }
}
