import TestSupport
import Testing

@testable import ApusProtocols

@Suite struct `STOMP` {
    /// Frames as they stand on the wire, the version, and what they are.
    private static let frames: [(String, STOMPVersion?, STOMPFrame)] = [
        ("RECEIPT\nreceipt-id:1\n\n\0", .v1_2, STOMPFrame("RECEIPT", ["receipt-id": "1"])),
        ("CONNECTED\n\n\0", nil, STOMPFrame("CONNECTED")),
        ("CONNECTED\r\nversion:1.2\r\n\r\n\0", nil, STOMPFrame("CONNECTED", ["version": "1.2"])),
        // These are read before the version is known: a backslash is one.
        ("CONNECTED\nserver:a\\nb:c\n\n\0", .v1_2, STOMPFrame("CONNECTED", ["server": "a\\nb:c"])),
        ("MESSAGE\na:b\n\nhi\0", .v1_0, STOMPFrame("MESSAGE", ["a": "b"], body: Array("hi".utf8))),
        ("MESSAGE\na:\\n\\c\\r\\t\n\nhi\0", .v1_0, STOMPFrame("MESSAGE", ["a": "\\n\\c\\r\\t"], body: [0x68, 0x69])),
        ("MESSAGE\na\\nb:x\\c\\\\n\n\n\0", .v1_1, STOMPFrame("MESSAGE", ["a\nb": "x:\\n"])),
        ("MESSAGE\na\\c\\r:\\r\\n\\\\\n\n\0", .v1_2, STOMPFrame("MESSAGE", ["a:\r": "\r\n\\"])),
        ("MESSAGE\r\na:b\r\n\r\n\r\n\0", .v1_2, STOMPFrame("MESSAGE", ["a": "b"], body: [13, 10])),
        ("MESSAGE\na:b\r\n\n\0", .v1_1, STOMPFrame("MESSAGE", ["a": "b\r"])),
        ("MESSAGE\na:b:c\n\n\0", .v1_2, STOMPFrame("MESSAGE", ["a": "b:c"])),
        ("MESSAGE\na: b \nempty:\né:ü\n\n\0", .v1_2, STOMPFrame("MESSAGE", ["a": " b ", "empty": "", "é": "ü"])),
        (
            "MESSAGE\ncontent-length:5\n\na\0b\0\n\0", .v1_2,
            STOMPFrame("MESSAGE", ["content-length": "5"], body: [97, 0, 98, 0, 10])
        ),
        ("MESSAGE\ncontent-length:0\n\n\0", .v1_1, STOMPFrame("MESSAGE", ["content-length": "0"])),
        // The first one counts.
        (
            "MESSAGE\nfoo:1\nfoo:2\ncontent-length:1\ncontent-length:9\n\nx\0", .v1_2,
            STOMPFrame(
                "MESSAGE", ["foo": "1", "foo": "2", "content-length": "1", "content-length": "9"], body: [120])
        ),
    ]

    private static let invalid: [(String, STOMPVersion?)] = [
        ("x", nil), ("connected\n\n\0", nil), (" RECEIPT\n\n\0", nil), ("HTTP/1.1 400 Bad\n", nil), ("\0", nil),
        ("RE\rCEIPT\n\n\0", nil), ("RECEIPT\0\n\n", nil), ("RECEIPT \n\n\0", nil), ("é\n\n\0", nil),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGH", nil), ("MESSAGE\nabc\n\n\0", .v1_2), ("MESSAGE\n:abc\n\n\0", .v1_2),
        ("MESSAGE\na:b\0", .v1_2), ("MESSAGE\na:b\n\0", .v1_2), ("MESSAGE\ncontent-length:x\n\n\0", .v1_2),
        ("MESSAGE\ncontent-length:\n\n\0", .v1_2), ("MESSAGE\ncontent-length:-1\n\n\0", .v1_2),
        ("MESSAGE\ncontent-length:+1\n\nx\0", .v1_2), ("MESSAGE\ncontent-length: 1\n\nx\0", .v1_2),
        ("MESSAGE\ncontent-length:12345678901\n\n", .v1_2), ("MESSAGE\ncontent-length:1\n\nxy\0", .v1_2),
        ("MESSAGE\ncontent-length:0\n\nx\0", .v1_2), ("MESSAGE\ncontent-length:9999999999\n\n", .v1_2),
        ("MESSAGE\na:\\t\n\n\0", .v1_2), ("MESSAGE\na:\\\n\n\0", .v1_2), ("MESSAGE\n\\a:b\n\n\0", .v1_1),
        ("MESSAGE\na:\\r\n\n\0", .v1_1), ("MESSAGE\na:b\\c\\\n\n\0", .v1_1),
    ]

    /// What a connection makes of bytes that arrive in pieces: frames, heart-beats, and whether the rest is refused.
    private func read(
        _ stream: [UInt8], pieces: [Int], version: STOMPVersion?, limits: STOMPLimits = STOMPLimits()
    ) -> (frames: [STOMPFrame], beats: Int, isRefused: Bool) {
        var framing = STOMPFraming(limits: limits)
        var held: [UInt8] = []
        var searched = 0
        var frames: [STOMPFrame] = []
        var beats = 0
        var start = 0
        for end in pieces + [stream.count] {
            held += stream[start..<end]
            start = end
            reading: while !held.isEmpty {
                switch held.withUnsafeBytes({ framing.find(in: $0, searched: searched) }) {
                case .heartBeats(let count):
                    beats += count
                    held.removeFirst(count)
                    searched = 0
                    continue reading
                case .complete(let length) where length <= held.count:
                    let packet = Array(held[..<length])
                    guard let frame = try? packet.withUnsafeBytes({ try STOMPDecoder.decode($0, version: version) })
                    else { return (frames, beats, true) }
                    frames.append(frame)
                    held.removeFirst(length)
                    searched = 0
                    continue reading
                case .needMore: searched = held.count
                case .complete: searched = 0
                case .invalid: return (frames, beats, true)
                }
                break
            }
        }
        return (frames, beats, false)
    }

    @Test(arguments: frames)
    func `A frame is read whatever its pieces`(_ text: String, _ version: STOMPVersion?, _ frame: STOMPFrame) {
        let bytes = Array(text.utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let result = read(bytes, pieces: [first, second], version: version)
                guard result.frames == [frame], !result.isRefused else {
                    Issue.record("\(text.debugDescription) in \(first), \(second): \(result)")
                    return
                }
            }
        }
        #expect(read(bytes, pieces: Array(0..<bytes.count), version: version).frames == [frame])
        for end in 0..<bytes.count {
            let result = read(Array(bytes[..<end]), pieces: [], version: version)
            #expect(result.frames.isEmpty && !result.isRefused)
        }
    }

    @Test func `Frames and heart-beats behind each other are told apart`() {
        let chosen = Self.frames.filter { $0.1 == .v1_2 }
        let bytes = Array(("\n" + chosen.map(\.0).joined(separator: "\n\r\n") + "\n\n").utf8)
        for step in [1, 2, 3, 7, 50, bytes.count] {
            let pieces = Array(stride(from: 0, to: bytes.count, by: step))
            let result = read(bytes, pieces: pieces, version: .v1_2)
            #expect(result.frames == chosen.map(\.2))
            #expect(result.beats == 3 + 3 * (chosen.count - 1))
            #expect(!result.isRefused)
        }
    }

    @Test(arguments: invalid)
    func `What is no frame is refused whatever its pieces`(_ text: String, _ version: STOMPVersion?) {
        let bytes = Array(text.utf8)
        #expect(read(bytes, pieces: [], version: version).isRefused)
        #expect(read(bytes, pieces: [], version: version).frames.isEmpty)
        #expect(read(bytes, pieces: Array(0..<bytes.count), version: version).isRefused)
    }

    @Test func `A header is UTF-8`() {
        let bytes = Array("MESSAGE\na:".utf8) + [0xFF] + Array("\n\n\0".utf8)
        #expect(read(bytes, pieces: [], version: .v1_2).isRefused)
        // A body is anything.
        #expect(read(Array("MESSAGE\n\n".utf8) + [0xFF, 0], pieces: [], version: .v1_2).frames.first?.body == [0xFF])
    }

    @Test func `Sizes are bounded`() {
        let limits = STOMPLimits(headers: 3, headBytes: 100, frameBytes: 200)
        func refuses(_ text: String) -> Bool {
            read(Array(text.utf8), pieces: [], version: .v1_2, limits: limits).isRefused
        }
        let headers = { (count: Int) in "MESSAGE\n" + String(repeating: "a:b\n", count: count) + "\n\0" }
        #expect(!refuses(headers(3)))
        #expect(refuses(headers(4)))
        let head = { (count: Int) in "MESSAGE\na:" + String(repeating: "x", count: count - 12) + "\n\n\0" }
        #expect(!refuses(head(99)))
        #expect(refuses(head(101)))
        #expect(refuses(String(head(1000).dropLast(3))))
        let body = { (count: Int) in "MESSAGE\n\n" + String(repeating: "x", count: count - 10) }
        #expect(!refuses(body(200) + "\0"))
        #expect(refuses(body(201) + "\0"))
        #expect(refuses(body(300)))
        #expect(!refuses("MESSAGE\ncontent-length:100\n\n"))
        #expect(refuses("MESSAGE\ncontent-length:200\n\n"))
    }

    /// Each byte is looked at once, however many pieces a body has.
    @Test(.timeLimit(.minutes(20)))
    func `A long body in small pieces takes no longer`() {
        let bytes = Array("MESSAGE\na:b\n\n".utf8) + [UInt8](repeating: 120, count: 4_000_000) + [0]
        var framing = STOMPFraming()
        var searched = 0
        bytes.withUnsafeBytes { bytes in
            for end in stride(from: 1, to: bytes.count, by: 20) {
                let found = framing.find(in: UnsafeRawBufferPointer(rebasing: bytes[..<end]), searched: searched)
                guard found == .needMore else {
                    Issue.record("\(found)")
                    return
                }
                searched = end
            }
            #expect(framing.find(in: bytes, searched: searched) == .complete(bytes.count))
        }
    }

    @Test func `What is sent is what is read`() throws {
        var random = SeededGenerator(seed: 5)
        let letters: [Character] = ["a", ":", "\n", "\r", "\\", "é", "n", "c", "r", " ", "\u{1F426}"]
        func text(_ most: Int) -> String {
            String((0..<Int.random(in: 1...most, using: &random)).map { _ in letters.randomElement(using: &random)! })
        }
        for round in 0..<3000 {
            var frame = STOMPFrame("SEND")
            for _ in 0..<Int.random(in: 0...4, using: &random) { frame.headers.append(text(6), text(9)) }
            frame.body = (0..<Int.random(in: 0...20, using: &random)).map { _ in .random(in: 0...3, using: &random) }
            frame.headers["content-length"] = String(frame.body.count)
            let version: STOMPVersion = round % 2 == 0 ? .v1_1 : .v1_2
            var bytes: [UInt8] = []
            try STOMPEncoder.append(frame, version: version, to: &bytes)
            let cut = Int.random(in: 0...bytes.count, using: &random)
            #expect(read(bytes, pieces: [cut], version: version).frames == [frame])
        }
    }

    @Test func `What cannot be sent is refused`() throws {
        func refuses(_ frame: STOMPFrame, _ version: STOMPVersion?) -> Bool {
            var bytes: [UInt8] = [1]
            let hasThrown = (try? STOMPEncoder.append(frame, version: version, to: &bytes)) == nil
            #expect(!hasThrown || bytes == [1], "part of a frame was written")
            return hasThrown
        }
        #expect(refuses(STOMPFrame("send"), .v1_2))
        #expect(refuses(STOMPFrame(""), .v1_2))
        #expect(refuses(STOMPFrame("SEND\nx:y"), .v1_2))
        #expect(refuses(STOMPFrame("SEND", ["": "x"]), .v1_2))
        #expect(refuses(STOMPFrame("SEND", ["a": "x\0"]), .v1_2))
        #expect(refuses(STOMPFrame("SEND", ["a": "x\ny"]), .v1_0))
        #expect(refuses(STOMPFrame("SEND", ["a:b": "x"]), .v1_0))
        #expect(refuses(STOMPFrame("SEND", ["a": "x\r"]), .v1_0))
        #expect(refuses(STOMPFrame("CONNECT", ["passcode": "x\ny"]), .v1_2))
        #expect(refuses(STOMPFrame("SEND", body: [0]), .v1_2))
        #expect(refuses(STOMPFrame("SEND", ["content-length": "2"], body: [1]), .v1_2))
        #expect(!refuses(STOMPFrame("SEND", ["a": "x:\n\r"]), .v1_2))
        var bytes: [UInt8] = []
        let headers: STOMPHeaders = [
            "destination": "/topic/foo", "content-length": "2", "content-type": "text/plain",
        ]
        try STOMPEncoder.append(STOMPFrame("SEND", headers, body: Array("hi".utf8)), version: .v1_2, to: &bytes)
        let wire = "SEND\ndestination:/topic/foo\ncontent-length:2\ncontent-type:text/plain\n\nhi\0"
        #expect(bytes == Array(wire.utf8))
    }

    /// Neither traps nor endless loops, and pieces make no difference.
    @Test func `Changed bytes are read or refused`() {
        var random = SeededGenerator(seed: 9)
        let all = Self.frames.filter { $0.1 == .v1_2 }.map(\.0)
        for _ in 0..<20_000 {
            var bytes = Array((all.randomElement(using: &random)! + all.randomElement(using: &random)!).utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[index] = .random(in: 0...255, using: &random)
                case 1: bytes[index] = [0, 10, 13, 58, 92, 48].randomElement(using: &random)!
                case 2: bytes.remove(at: index)
                default: bytes.insert([0, 10, 13, 58, 92, 57].randomElement(using: &random)!, at: index)
                }
            }
            let whole = read(bytes, pieces: [], version: .v1_2)
            let split = read(bytes, pieces: Array(0..<bytes.count), version: .v1_2)
            #expect(whole.frames == split.frames)
            #expect(whole.isRefused == split.isRefused)
        }
    }

    @Test func `Headers are told apart`() {
        var headers: STOMPHeaders = ["a": "1", "b": "2", "a": "3"]
        #expect(headers["a"] == "1" && headers["A"] == nil && headers.count == 3)
        headers["a"] = "4"
        #expect(headers.fields.map(\.value) == ["4", "2"])
        headers["a"] = nil
        headers["c"] = "5"
        #expect(headers.description == "b:2, c:5")
    }
}
