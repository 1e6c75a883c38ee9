import Testing

@testable import ApusCluster

@Suite struct `Journals of queues` {
    private let first = ChannelItem(id: 1, data: Array(#""one""#.utf8))
    private let second = ChannelItem(id: 2, data: Array("22".utf8))

    private func journal(_ records: JournalRecord...) -> [UInt8] { records.flatMap(\.bytes) }

    @Test func `come to what waits`() {
        let bytes = journal(.item(queue: "a\"", first), .item(queue: "b", second), .done(1))
        let content = JournalRecord.read(bytes)
        #expect(content.count == bytes.count)
        #expect(content.items.map(\.item) == [second])
        #expect(content.items.map(\.queue) == ["b"])
    }

    @Test func `give nothing of a record that is not as it was written`() {
        let start = journal(.item(queue: "a", first)).count
        let bytes = journal(.item(queue: "a", first), .item(queue: "b", second), .done(1))
        let end = journal(.item(queue: "a", first), .item(queue: "b", second)).count
        for index in start..<end {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[index] ^= 1 << bit
                let content = JournalRecord.read(damaged)
                #expect(content.count == start && content.items.map(\.item) == [first], "bit \(bit) of byte \(index)")
                #expect(JournalRecord.isFollowed(damaged, from: start), "bit \(bit) of byte \(index)")
            }
        }
    }

    @Test func `end where they were cut`() {
        let bytes = journal(.item(queue: "a", first), .item(queue: "b", second))
        let start = journal(.item(queue: "a", first)).count
        for count in start..<bytes.count {
            let cut = Array(bytes[..<count])
            #expect(JournalRecord.read(cut).count == start && !JournalRecord.isFollowed(cut, from: start))
        }
    }

    @Test func `have no numbers that cannot be counted on`() {
        for id in [0, -1, Int.max, 1 << 53 + 1] {
            #expect(JournalRecord.read(journal(.item(queue: "a", ChannelItem(id: id, data: [0x31])))).count == 0)
        }
    }
}
