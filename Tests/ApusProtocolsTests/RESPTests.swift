import TestSupport
import Testing

@testable import ApusProtocols

@Suite struct `RESP` {
    /// Replies with what they stand for.
    private static let replies: [(String, RedisValue)] = [
        ("+OK\r\n", .status("OK")), ("+\r\n", .status("")), ("-ERR no é\r\n", .error("ERR no é")),
        (":0\r\n", .integer(0)), (":-42\r\n", .integer(-42)), (":9223372036854775807\r\n", .integer(.max)),
        ("$-1\r\n", .null), ("*-1\r\n", .null), ("_\r\n", .null), ("$0\r\n\r\n", .bytes([])),
        ("$7\r\na\r\nb\r\n\n\r\n", .bytes(Array("a\r\nb\r\n\n".utf8))),
        ("*0\r\n", .array([])), ("*2\r\n:1\r\n*1\r\n$1\r\nx\r\n", .array([.integer(1), .array([.bytes([120])])])),
        ("*3\r\n*0\r\n$-1\r\n-ERR x\r\n", .array([.array([]), .null, .error("ERR x")])),
        (",1.5\r\n", .double(1.5)), (",inf\r\n", .double(.infinity)), (",-1e3\r\n", .double(-1000)),
        ("#t\r\n", .boolean(true)), ("#f\r\n", .boolean(false)),
        (
            "(-3492890328409238509324850943850943825024385\r\n",
            .bigNumber("-3492890328409238509324850943850943825024385")
        ),
        ("!5\r\nERR x\r\n", .error("ERR x")), ("=7\r\ntxt:abc\r\n", .verbatim(format: "txt", Array("abc".utf8))),
        ("~2\r\n+a\r\n+b\r\n", .set([.status("a"), .status("b")])),
        (
            "%2\r\n+a\r\n:1\r\n+b\r\n%0\r\n",
            .map([
                .init(key: .status("a"), value: .integer(1)), .init(key: .status("b"), value: .map([])),
            ])
        ),
        (">2\r\n+message\r\n+x\r\n", .push([.status("message"), .status("x")])),
        ("|1\r\n+ttl\r\n:3\r\n:7\r\n", .integer(7)), ("|0\r\n|1\r\n+a\r\n*1\r\n_\r\n$1\r\nx\r\n", .bytes([120])),
        ("*2\r\n|1\r\n+a\r\n:1\r\n:2\r\n:3\r\n", .array([.integer(2), .integer(3)])),
    ]

    private static let invalid = [
        "x\r\n", "OK\r\n", "\r\n", "\0", "+O\nK\r\n", "+O\rK\r\n", "$\r\n", "$x\r\n", "$-2\r\n", "$+1\r\nx\r\n",
        "$1 \r\nx\r\n", "$1\r\nxy\r\n", "$1\r\nx\n\r", "$12345678901\r\n", "*\r\n", "*-2\r\n", "*?\r\n", "$?\r\n",
        "*1\r\n>1\r\n+x\r\n", "%-1\r\n", "~-1\r\n", ">-1\r\n", "!-1\r\n", "=-1\r\n", "=3\r\ntxt\r\n", "=4\r\ntxtx\r\n",
        ":\r\n", ":x\r\n", ":1.5\r\n", ":9223372036854775808\r\n", ",x\r\n", ",\r\n", "#\r\n", "#x\r\n", "#tt\r\n",
        "_x\r\n", "(\r\n", "(-\r\n", "(1x\r\n", "*1\r\n:x\r\n",
    ]

    /// What a connection makes of bytes that arrive in pieces: the replies, and whether the rest is refused.
    private func read(_ stream: [UInt8], pieces: [Int]) -> (values: [RedisValue], isRefused: Bool) {
        var framing = RESPFraming()
        var held: [UInt8] = []
        var searched = 0
        var values: [RedisValue] = []
        var start = 0
        for end in pieces + [stream.count] {
            held += stream[start..<end]
            start = end
            while !held.isEmpty {
                switch held.withUnsafeBytes({ framing.find(in: $0, searched: searched) }) {
                case .complete(let length) where length <= held.count:
                    guard let value = try? held[..<length].withUnsafeBytes({ try RESPDecoder.decode($0) }) else {
                        return (values, true)
                    }
                    values.append(value)
                    held.removeFirst(length)
                    searched = 0
                    continue
                case .needMore: searched = held.count
                case .complete: searched = 0
                case .invalid: return (values, true)
                }
                break
            }
        }
        return (values, false)
    }

    @Test(arguments: replies)
    func `A reply is read whatever its pieces`(_ text: String, _ value: RedisValue) {
        let bytes = Array(text.utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let result = read(bytes, pieces: [first, second])
                guard result.values == [value], !result.isRefused else {
                    Issue.record("\(text.debugDescription) in \(first), \(second): \(result)")
                    return
                }
            }
        }
        #expect(read(bytes, pieces: Array(0..<bytes.count)).values == [value])
        for end in 0..<bytes.count { #expect(read(Array(bytes[..<end]), pieces: []).values.isEmpty) }
    }

    @Test func `Replies behind each other are told apart`() {
        let bytes = Array(Self.replies.map(\.0).joined().utf8)
        for step in [1, 2, 3, 7, 50, bytes.count] {
            let result = read(bytes, pieces: Array(stride(from: 0, to: bytes.count, by: step)))
            #expect(result.values == Self.replies.map(\.1))
            #expect(!result.isRefused)
        }
    }

    @Test(arguments: invalid)
    func `What is no reply is refused whatever its pieces`(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(read(bytes, pieces: []).isRefused)
        #expect(read(bytes, pieces: []).values.isEmpty)
        #expect(read(bytes, pieces: Array(0..<bytes.count)).isRefused)
    }

    @Test func `Nesting is bounded`() {
        let nested = { (count: Int) in Array((String(repeating: "*1\r\n", count: count) + ":1\r\n").utf8) }
        #expect(read(nested(RESPFraming.maxDepth), pieces: []).values.count == 1)
        #expect(read(nested(RESPFraming.maxDepth + 1), pieces: []).isRefused)
        let attributes = Array((String(repeating: "|1\r\n", count: 100_000)).utf8)
        #expect(read(attributes, pieces: []).isRefused)
    }

    @Test func `Lines are bounded`() {
        let line = { (count: Int) in Array(("+" + String(repeating: "x", count: count) + "\r\n").utf8) }
        #expect(read(line(RESPFraming.maxLineBytes - 1), pieces: []).values.count == 1)
        #expect(read(line(RESPFraming.maxLineBytes), pieces: []).isRefused)
        #expect(read(Array(line(1_000_000).dropLast(2)), pieces: []).isRefused)
    }

    /// The length of a string alone is known before it arrives, so that too long a one can be refused at once.
    @Test func `Claims cost nothing`() {
        var framing = RESPFraming()
        let find = { (text: String) in Array(text.utf8).withUnsafeBytes { framing.find(in: $0, searched: 0) } }
        #expect(find("$1000000000\r\nx") == .complete(1_000_000_015))
        #expect(find("|0\r\n$1000000000\r\nx") == .complete(1_000_000_019))
        #expect(find("*9999999999\r\n:1\r\n") == .needMore)
        #expect(find("%9999999999\r\n$9999999999\r\n") == .needMore)
    }

    /// Each part is looked at once, however many pieces a reply has.
    @Test(.timeLimit(.minutes(20)))
    func `A long list in small pieces takes no longer`() {
        let count = 50_000
        var framing = RESPFraming()
        let bytes = Array(("*\(count)\r\n" + String(repeating: ":1\r\n", count: count)).utf8)
        var searched = 0
        bytes.withUnsafeBytes { bytes in
            for end in stride(from: 1, to: bytes.count, by: 3) {
                let found = framing.find(in: UnsafeRawBufferPointer(rebasing: bytes[..<end]), searched: searched)
                #expect(found == .needMore)
                searched = end
            }
            #expect(framing.find(in: bytes, searched: searched) == .complete(bytes.count))
        }
    }

    /// Neither traps nor endless loops, and pieces make no difference.
    @Test func `Changed bytes are read or refused`() {
        var generator = SeededGenerator(seed: 7)
        let stream = Array(Self.replies.map(\.0).joined().utf8)
        for _ in 0..<4000 {
            var bytes = stream
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: index)
                default: bytes.insert("0123456789-$*%|>\r\n".utf8.randomElement(using: &generator)!, at: index)
                }
            }
            let whole = read(bytes, pieces: [])
            let step = Int.random(in: 1...20, using: &generator)
            let pieces = read(bytes, pieces: Array(stride(from: 0, to: bytes.count, by: step)))
            guard whole == pieces || "\(whole)" == "\(pieces)" else {
                Issue.record("\(bytes) in pieces of \(step): \(pieces), as a whole: \(whole)")
                return
            }
        }
    }

    @Test func `Commands are lists of strings`() {
        var bytes: [UInt8] = Array("x".utf8)
        RESPCommand.append([Array("SET".utf8), Array("é".utf8), [0, 13, 10], []], to: &bytes)
        #expect(bytes == Array("x*4\r\n$3\r\nSET\r\n$2\r\né\r\n$3\r\n\0\r\n\r\n$0\r\n\r\n".utf8))
    }

    @Test func `Values are read as what is asked for`() {
        #expect(RedisValue.bytes([0x37]).integer == 7)
        #expect(RedisValue.bytes([0x37]).string == "7")
        #expect(RedisValue.boolean(true).integer == 1)
        #expect(RedisValue.status("OK").bytes == Array("OK".utf8))
        #expect(RedisValue.null.isNull)
        #expect(RedisValue.null.bytes == nil)
        #expect(RedisValue.integer(3).string == nil)
        #expect(RedisValue.set([.null]).elements == [.null])
        #expect(RedisValue.map([]).elements == nil)
    }
}
