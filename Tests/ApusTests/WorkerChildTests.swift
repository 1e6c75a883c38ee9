import CApus
import Testing

@testable import Apus

/// A worker process that does not read what its master tells it.
@Suite struct `A worker that does not read` {
    /// The master's side, and the end of the channel that the worker reads.
    @MainActor private final class Pair {
        let child: WorkerChild
        let slot = WorkerSlot(abandoned: "key", name: "name", listen: "none", id: 0)
        let end: Int32
        private let status = UnsafeMutablePointer<capus_worker_status>.allocate(capacity: 1)

        init(pid: Int32 = 1) throws {
            var ours: Int32 = -1
            var theirs: Int32 = -1
            try #require(capus_socket_pair(&ours, &theirs, true) == 0)
            end = theirs
            status.initialize(to: capus_worker_status())
            child = WorkerChild(
                pid: pid, channel: ours, inbox: -1, member: 1, told: [], entry: 0, status: status)
        }

        isolated deinit {
            capus_close(child.channel)
            capus_close(end)
            status.deallocate()
        }

        /// Until the channel takes no more.
        func fill() { while ChannelMessage.send(.peerGone, on: child.channel, text: "1") {} }

        /// What the worker hears: all but what filled the channel.
        func heard() -> [(message: ChannelMessage, text: String, hasFile: Bool)] {
            var all: [(message: ChannelMessage, text: String, hasFile: Bool)] = []
            while case .message(let message, let text, let passed) = ChannelMessage.receive(end) {
                if message != .peerGone { all.append((message, text, passed >= 0)) }
                if passed >= 0 { capus_close(passed) }
            }
            return all
        }
    }

    private func file() throws -> Int32 {
        let file = ControlFile.make("output")
        try #require(file >= 0)
        return file
    }

    @Test func `is told later, in order, and each thing once`() throws {
        let pair = try Pair()
        pair.fill()
        pair.child.tell(.reload, passing: try file())
        pair.child.tell(.reload, passing: try file())
        pair.child.tellToLeave(.drainGracefully, within: nil, passing: try file())
        pair.child.tellToLeave(.stopGracefully, within: nil)
        #expect(pair.child.nextTry != nil)
        #expect(pair.child.untoldMessages == [.reload, .drainGracefully, .stopGracefully])
        #expect(pair.heard().isEmpty)
        pair.child.tellAgain()
        let heard = pair.heard()
        #expect(heard.map(\.message) == [.reload, .drainGracefully, .stopGracefully])
        #expect(heard.map(\.hasFile) == [true, true, false])
        #expect(pair.child.nextTry == nil && pair.child.untoldMessages.isEmpty)
    }

    @Test func `is told at once what it can take`() throws {
        let pair = try Pair()
        pair.child.tellToLeave(.stop, within: 1)
        #expect(pair.heard().map(\.message) == [.stop])
        #expect(pair.child.nextTry == nil && pair.child.killDeadline != nil)
    }

    @Test func `is asked one question at a time, and the answers find theirs`() throws {
        let pair = try Pair()
        let queries = [false, true, false].map { ConnectionsQuery([(pair.child, pair.slot)], isJSON: $0) }
        let first = try #require(pair.heard().first)
        #expect(first.message == .connections && pair.heard().isEmpty)
        // What was asked by a master before this one is answered late.
        #expect(pair.child.answered("1") == nil)
        queries[1].end()
        #expect(pair.child.answered(first.text) === queries[0])
        #expect(pair.child.answered(first.text) == nil)
        let second = pair.heard()
        #expect(second.map(\.message) == [.connections] && second[0].text != first.text)
        // A process of an earlier version repeats no number.
        #expect(pair.child.answered("") === queries[2])
        #expect(pair.child.answered("") == nil)
    }

    @Test func `is asked when it can take the question`() throws {
        let pair = try Pair()
        pair.fill()
        let query = ConnectionsQuery([(pair.child, pair.slot)], isJSON: true)
        #expect(pair.child.nextTry != nil && pair.child.answered("") == nil)
        #expect(pair.heard().isEmpty)
        pair.child.tellAgain()
        let heard = pair.heard()
        #expect(heard.map(\.message) == [.connectionsJSON])
        #expect(pair.child.answered(heard[0].text) === query)
    }

    /// It runs as somebody else, and root's terminal shows what it says.
    @Test func `shows its connections without control of a terminal`() throws {
        let pair = try Pair()
        let query = ConnectionsQuery([(pair.child, pair.slot)], isJSON: false)
        query.add(1, "one\u{1B}[2J\ntwo\r\u{9B}\n")
        #expect(query.isComplete)
        #expect(query.text.split(separator: "\n").suffix(2) == ["one\\u{1B}[2J", "two\\r\\u{009B}"])
    }

    @Test func `logs lines of its own words alone`() throws {
        let time = "2026-11-28 00:00:00 pid:1 Apus[x] has been stopped\u{1B}[1A"
        let record = try #require(LogRecord(relayed: "warning\n\(time)\nhi \u{1B}]0;owned\u{7} there\nmore", by: 7))
        #expect(record.level == .warning && record.processID == 7)
        #expect(record.message == "hi \\u{1B}]0;owned\\u{07} there\\nmore")
        #expect(record.text.firstMatch(of: #/^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} pid:7 hi /#) != nil)
        #expect(!record.text.contains("2026-11-28 00:00:00") && !record.text.contains("stopped"))
        #expect(LogRecord(relayed: "loud\n\(time)\nhi", by: 7) == nil)
        #expect(LogRecord(relayed: "warning", by: 7) == nil)
    }
}
