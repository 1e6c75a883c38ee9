import Synchronization
import TestSupport
import Testing

@testable import Apus

/// The slots of a table that rows come to and go from without end.
@Suite struct `Slots of a shared table` {
    /// 256 slots.
    private func table(_ name: String) -> SharedTable { SharedTable(name, rows: 128, columns: [.integer("n")]) }

    private func wearOut(_ table: SharedTable) throws {
        for index in 0..<256 where table.state(of: index) == .free { try table.setState(index, .removed) }
    }

    @Test func `become free again however many rows come and go`() throws {
        let table = table("churn")
        var keys = (0..<128).map { "first \($0)" }
        for key in keys { try table.set(key, ["n": 1]) }
        for round in 0..<20_000 {
            let leaving = (round * 37) % 128
            #expect(try table.remove(keys[leaving]))
            keys[leaving] = "row \(round)"
            #expect(try table.insert(keys[leaving], ["n": .integer(Int64(round))]))
        }
        // Half of the slots are used. With a fair hash about 90 are free, and by no chance less than a few.
        #expect(table.slotCount(.free) > 32)
        for key in keys { #expect(table.contains(key)) }
        #expect(table.count == 128)
        for key in keys { #expect(try table.remove(key)) }
        #expect(table.slotCount(.free) == 256 && table.count == 0)
    }

    /// A table that an earlier version has worn out, kept by a reload.
    @Test func `become free in a table that has none`() throws {
        let table = table("worn")
        var keys = (0..<100).map { "key \($0)" }
        for key in keys { try table.set(key, ["n": 1]) }
        // The first ones first: others were added behind them.
        while !keys.isEmpty {
            let key = keys.removeFirst()
            try wearOut(table)
            #expect(table.slotCount(.free) == 0)
            #expect(try table.remove(key))
            #expect(table.slotCount(.free) > 32)
            for key in keys { #expect(table.contains(key)) }
        }
        #expect(table.slotCount(.free) == 256)
    }

    /// Who was killed between the removal of a row and what is done about its slot.
    @Test func `become free when a lock is taken over`() throws {
        let table = table("taken-over")
        for number in 0..<50 { try table.set("key \(number)", ["n": 1]) }
        try wearOut(table)
        // No process has this id.
        table.tableLock.word.pointee.store(UInt64(Int32.max) << 32 | 1, ordering: .relaxed)
        #expect(try table.insert("one more", [:]))
        #expect(table.slotCount(.free) > 128 && table.count == 51)
        for number in 0..<50 { #expect(table.contains("key \(number)")) }
    }

    private nonisolated static func churn(_ table: SharedTable, _ name: String, until isOver: Shared<Bool>) throws {
        var round = 0
        while !isOver.value {
            round += 1
            let keys = (0..<30).map { "\(name) \(round) \($0)" }
            for key in keys { try table.set(key, [:]) }
            for key in keys { _ = try table.remove(key) }
        }
    }

    /// Slots become free under those who look for rows.
    @Test func `are free on the way to no row`() throws {
        let table = table("searched")
        let stays = (0..<64).map { "stays \($0)" }
        // Added between others that go, so that ways of removed slots lead to them.
        for (number, key) in stays.enumerated() {
            try table.set("goes \(number)", [:])
            try table.set(key, [:])
        }
        for number in stays.indices { #expect(try table.remove("goes \(number)")) }
        let isOver = Shared(false)
        let churn = (0..<2).map { one in Helper { try Self.churn(table, "\(one)", until: isOver) } }
        for _ in 0..<3000 where !stays.allSatisfy(table.contains) { Issue.record("a row was not found") }
        isOver.value = true
        for helper in churn { try helper.join() }
        for key in stays { #expect(try table.remove(key)) }
        #expect(table.slotCount(.free) == 256)
    }
}
