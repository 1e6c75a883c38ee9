import ApusProtocols
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import ApusLoad

/// Loads on servers that speak no HTTP.
@Suite(.serialized) struct `Load of messages` {
    static let protocols = ["tcp", "text", "frame", "websocket", "wss"]
    static let shapes = [
        [], ["--pipeline", "16"], ["-R", "5k"], ["-t", "2"], ["--no-keepalive"], ["--no-keepalive", "-R", "2k"],
        ["--body", String(repeating: "x", count: 70_000), "-c", "2"],
    ]

    @Test(arguments: protocols)
    func `makes exactly as many as it was asked for`(_ option: String) throws {
        try withExampleServer(option) { server in
            var asked = 0
            for shape in Self.shapes {
                let result = try apusLoad(["-n", "211", "-c", "5", "--insecure", "--json", server.url] + shape)
                #expect(result.status == 0, "\(shape): \(result.errors)")
                let report = try jsonObject(result.output)
                #expect(report["requests"] as? Int == 211, "\(shape)")
                #expect(report["unfinished"] as? Int == 0)
                asked += 211
                // An opening handshake is a request, too.
                if option.hasPrefix("w") { asked += try #require(report["connections_opened"] as? Int) }
            }
            // Of raw bytes the server knows no messages, but pieces.
            if option != "tcp" { #expect(try server.requestCount() == asked) }
        }
    }

    @Test(arguments: [
        (["text://127.0.0.1"], "port"), (["text://127.0.0.1:1/path"], "path"),
        (["frame://127.0.0.1:1", "-m", "PUT"], "--method"),
        (["tcp://127.0.0.1:1", "-H", "A: b"], "-H"), (["text://127.0.0.1:1", "--body", "a\nb"], "line"),
        (["tcp://127.0.0.1:1", "--body", ""], "byte"), (["ws://127.0.0.1:1", "-H", "Upgrade: b"], "Upgrade"),
        (["sctp://127.0.0.1:1"], "none of"),
        (["udp://127.0.0.1:1", "--pipeline", "2"], "--pipeline"),
        (["udp://127.0.0.1:1", "--body", String(repeating: "x", count: 65_508)], "65507"),
        (["tcp://127.0.0.1:1", "--receive"], "--receive"), (["text://127.0.0.1:1", "--broadcast"], "--rate"),
        (["text://127.0.0.1:1", "--broadcast", "-R", "1", "-t", "2"], "single process"),
        (["text://127.0.0.1:1", "--receive", "-R", "1"], "--rate"),
        (["text://127.0.0.1:1", "--receive", "--broadcast"], "--receive"),
    ])
    func `are refused when they make no sense`(_ arguments: [String], _ reason: String) throws {
        let result = try apusLoad(arguments)
        #expect(result.status == 64)
        #expect(result.errors.contains(reason), "\(result.errors)")
    }

    // MARK: WebSocket

    /// The answer to the handshake whose request has been read.
    private static let refusal = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

    @Test(arguments: [(refusal, "404"), ("", "left"), ("SSH-2.0-x\r\n", "not HTTP"), (nil, "no answer in time")])
    func `names servers that open no WebSocket`(_ answer: String?, _ reason: String) throws {
        let server = ScriptedServer { peer in
            peer.readRequest()
            if let answer { peer.send(answer) } else { peer.waitForClose() }
        }
        defer { server.stop() }
        var options = LoadOptions(url: "ws://127.0.0.1:\(server.port)/")
        options.connections = 2
        options.requests = 10
        options.timeout = .milliseconds(300)
        let error = #expect(throws: LoadError.self) { try LoadRun.run(options) }
        #expect("\(error!)".contains(reason), "\(error!)")
    }

    /// A server that pings before it answers, and looks at all that comes: the message, the pong, the close frame.
    @Test func `answers pings, and says that it closes`() throws {
        let seen = Mutex<[[UInt8]]>([])
        let isOver = DispatchSemaphore(value: 0)
        let server = ScriptedServer { peer in
            // The head ends with the key.
            guard let key = peer.readHead()?.utf8.dropLast(4).suffix(24) else { return }
            let accept = String(decoding: WebSocketHandshake.accept(for: key), as: UTF8.self)
            peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")
            peer.send("Sec-WebSocket-Accept: \(accept)\r\n\r\n")
            for (count, answer) in [(11, [0x89, 2, 7, 7]), (8, [0x81, 2, 65, 65]), (8, [])] as [(Int, [UInt8])] {
                guard let frame = peer.read(count) else { return }
                let mask = frame[2..<6]
                seen.withLock { $0.append(frame[..<2] + zip(frame[6...], mask + mask).map { $0 ^ $1 }) }
                peer.send(answer)
            }
            isOver.signal()
            peer.waitForClose()
        }
        defer { server.stop() }
        var options = LoadOptions(url: "ws://127.0.0.1:\(server.port)/")
        options.body = Array("Hello".utf8)
        options.connections = 1
        options.requests = 1
        let report = try LoadRun.run(options)
        #expect(report.isSuccess, "\(report.text)")
        #expect(isOver.wait(timeout: .now() + 10) == .success)
        let hello = [0x81, 0x85] + Array("Hello".utf8)
        #expect(seen.withLock { $0 } == [hello, [0x8A, 0x82, 7, 7], [0x88, 0x82, 0x03, 0xE8]])
    }

    // MARK: Reading

    /// What a server sends, and how many messages it is.
    struct Stream: CustomTestStringConvertible, Sendable {
        let spoken: LoadProtocol
        let bytes: [UInt8]
        let messages: Int
        var pings = 0
        var testDescription: String { "\(spoken.rawValue) \(bytes.prefix(12))" }
    }

    static let streams: [Stream] = [
        Stream(spoken: .text, bytes: Array("one\n\ntwo\r\n".utf8), messages: 3),
        Stream(spoken: .frame, bytes: [0, 0, 0, 4, 0, 0, 0, 6, 9, 9, 0, 0, 0, 4], messages: 3),
        Stream(spoken: .tcp, bytes: Array(0..<15), messages: 3),
        Stream(spoken: .webSocket, bytes: [0x81, 2, 65, 66, 0x82, 0, 0x81, 1, 67], messages: 3),
        // In fragments, with a ping and a pong between them.
        Stream(
            spoken: .webSocket, bytes: [0x01, 1, 65, 0x89, 2, 7, 7, 0x00, 0, 0x8A, 0, 0x80, 1, 66, 0x81, 0],
            messages: 2, pings: 1),
        Stream(
            spoken: .webSocket, bytes: [0x82, 126, 1, 0] + [UInt8](repeating: 1, count: 256), messages: 1),
    ]

    @Test(arguments: streams)
    func `finds the ends of messages, however they are split`(_ stream: Stream) {
        for first in 0...stream.bytes.count {
            var reader = MessageReader()
            var messages = 0
            var pings = 0
            var kept: [UInt8] = []
            for piece in [stream.bytes[..<first], stream.bytes[first...]] {
                kept += piece
                kept.withUnsafeBufferPointer { bytes in
                    guard var p = bytes.baseAddress else { return }
                    let end = p + bytes.count
                    reading: while p < end {
                        switch reader.read(&p, end, stream.spoken, count: 5) {
                        case .complete: messages += 1
                        case .ping(let count):
                            pings += 1
                            #expect(count == 2 && p[-1] == 7 && p[-2] == 7)
                        case .incomplete: break reading
                        case .closed, .malformed:
                            Issue.record("split at \(first)")
                            break reading
                        }
                    }
                    kept = Array(UnsafeBufferPointer(start: p, count: end - p))
                }
            }
            #expect(messages == stream.messages, "split at \(first)")
            #expect(pings == stream.pings, "split at \(first)")
            #expect(kept.isEmpty)
            #expect(reader.isBetweenMessages)
        }
    }

    @Test(
        arguments: [
            (LoadProtocol.frame, [0, 0, 0, 3]), (.frame, [0x80, 0, 0, 0]), (.webSocket, [0x83, 0]),
            (.webSocket, [0x81, 0x80]),
            (.webSocket, [0x80, 0]), (.webSocket, [0x01, 0, 0x81, 0]), (.webSocket, [0xC1, 0]),
            (.webSocket, [0x09, 0]),
        ] as [(LoadProtocol, [UInt8])])
    func `refuses what is no message`(_ spoken: LoadProtocol, _ bytes: [UInt8]) {
        var reader = MessageReader()
        bytes.withUnsafeBufferPointer { bytes in
            var p = bytes.baseAddress!
            let end = p + bytes.count
            for _ in 0..<2 {
                if case .malformed = reader.read(&p, end, spoken, count: 5) { return }
            }
            Issue.record("taken for a message")
        }
    }

    /// A server that answers with frames that are wrong, and one that says it closes.
    @Test func `counts frames that are wrong, and messages that are cut off`() throws {
        let server = ScriptedServer { peer in
            // Of eight bytes: "Hello" with a length, as the client sends it. The first connections answer badly.
            guard peer.read(9) != nil else { return }
            switch peer.index {
            case 0: peer.send("\0\0\0\u{1}")
            case 1: peer.send("\0\0\0\u{9}He")
            default:
                repeat { peer.send("\0\0\0\u{9}Hello") } while peer.read(9) != nil
            }
        }
        defer { server.stop() }
        var options = LoadOptions(url: "frame://127.0.0.1:\(server.port)")
        options.body = Array("Hello".utf8)
        options.connections = 1
        options.requests = 20
        let report = try LoadRun.run(options)
        #expect(report.requests == 18, "\(report.text)")
        #expect(report.errors(.malformed) == 1)
        #expect(report.cause(of: .malformed) == "invalid length of a frame")
        #expect(report.errors(.closedEarly) == 1)
        #expect(!report.text.contains("Status"))
        #expect(report.text.contains("Target       frame://127.0.0.1:\(server.port)\n"))
    }
}
