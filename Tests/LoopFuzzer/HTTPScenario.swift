import Apus
import CSimulation
import Glibc

/// Pipelined requests, answered in one of the ways that there are.
final class HTTPScenario: Scenario {
    /// A file that has no name.
    private let file: String
    private let fileBytes = Array(numbered(7, 150_000).utf8)

    override init(deeds: Deeds) {
        let opened = tmpfile()
        fwrite(fileBytes, 1, fileBytes.count, opened)
        fflush(opened)
        file = "/proc/self/fd/\(fileno(opened))"
        super.init(deeds: deeds)
    }

    func listen() throws {
        let worker = Worker(.http, on: "127.0.0.1:7")
        worker.onConnect = { [unowned self] connection in opened(connection) }
        try listen(worker)
    }

    override func begin() {
        for _ in 0...draw(2) {
            var input: [UInt8] = []
            var expected: [String] = []
            for number in 0..<draw(8) {
                let body = draw(3) == 0 ? numbered(number, drawSize()) : ""
                let head = body.isEmpty && draw(2) == 0 ? "GET" : "POST"
                input += Array("\(head) /\(number) HTTP/1.1\r\nHost: h\r\n".utf8)
                input += Array((head == "GET" ? "\r\n" : framed(body)).utf8)
                expected.append("/\(number):\(body.utf8.count)")
            }
            add(input, messages: expected)
        }
    }

    private func framed(_ body: String) -> String {
        guard draw(2) == 0 else { return "Content-Length: \(body.utf8.count)\r\n\r\n\(body)" }
        let chunk = body.isEmpty ? "" : String(body.utf8.count, radix: 16) + "\r\n\(body)\r\n"
        return "Transfer-Encoding: chunked\r\n\r\n\(chunk)0\r\n\r\n"
    }

    private func opened(_ connection: Connection<HTTP>) {
        let life = begin(connection)
        let hand = ConnectionHand(connection, life)
        hand.setCallbacks(deeds)
        connection.onMessage = { [deeds, unowned self] connection, request in
            life.deliver("\(request.path):\(request.body.count)")
            answer(hand)
            try deeds.act(hand)
        }
    }

    private func answer(_ hand: ConnectionHand<HTTP>) {
        let connection = hand.connection
        let text = numbered(hand.life.delivered.count, drawSize())
        let say: @MainActor @Sendable () -> Void = { self.note(hand, Array(text.utf8)) { connection.send(text) } }
        switch draw(8) {
        case 0: EventLoop.current.execute(say)
        case 1: hand.after(Double(draw(10)) / 1000, say)
        case 2:
            hand.run {
                await Task.yield()
                say()
            }
        case 3: stream(hand, pieces: draw(5))
        case 4: note(hand, fileBytes) { connection.send(HTTPResponse(file: self.file)) }
        default: say()
        }
    }

    /// What is refused ends the connection: an answer cannot be left out.
    private func note(_ hand: ConnectionHand<HTTP>, _ body: [UInt8], _ send: () -> SendResult) {
        hand.life.offer(body) {
            let result = send()
            if result == .failed { hand.life.wasDestroyed = true }
            return result
        }
    }

    private func stream(_ hand: ConnectionHand<HTTP>, pieces: Int) {
        let all = (0..<pieces).map { numbered($0, drawSize()) }
        // Only one that has come to its end is whole.
        let index = hand.life.pieces.count
        hand.life.offer(all.flatMap { Array($0.utf8) }) { .failed }
        hand.run {
            // The connection may have been closed by the handler already.
            guard let body = try? hand.connection.startResponse() else {
                hand.life.wasDestroyed = true
                return
            }
            for piece in all {
                try await body.write(piece)
                if draw(3) == 0 { try await WorkerTimer.sleep(Double(draw(5)) / 1000) }
            }
            // Somebody may have closed the connection after the last piece.
            hand.life.pieces[index].isAccepted = body.isOpen
            body.end()
        }
    }

    override func check(_ life: Life, heard: [UInt8], isWhole: Bool) {
        var rest = heard[...]
        for (index, piece) in life.pieces.enumerated() {
            guard let reply = Reply(rest) else {
                if isWhole, piece.isAccepted {
                    let end = String(decoding: rest.suffix(300), as: UTF8.self)
                    life.fault("answer \(index) of \(life.pieces.count) is not whole: \(rest.count) bytes, …\(end)")
                }
                return
            }
            if reply.status == 408, !isWhole { return }
            if reply.status != 200 { return life.fault("answer \(index) has status \(reply.status)") }
            if reply.body != piece.bytes { return life.fault("answer \(index) is another one") }
            rest = rest.dropFirst(reply.count)
        }
        // Clients that are slow enough hear of it.
        if !isWhole, rest.starts(with: Array("HTTP/1.1 408".utf8).prefix(rest.count)) { return }
        if !rest.isEmpty { life.fault("nobody has said \(String(decoding: rest.prefix(200), as: UTF8.self))") }
    }
}

/// An answer that has arrived as a whole.
struct Reply {
    var status = 0
    var body: [UInt8] = []
    /// Bytes of the whole.
    var count = 0

    init?(_ bytes: ArraySlice<UInt8>) {
        guard let headEnd = bytes.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound else { return nil }
        let head = String(decoding: bytes[..<headEnd], as: UTF8.self)
        status = Int(head.split(separator: " ")[1]) ?? 0
        var rest = bytes[headEnd...]
        if head.contains("Transfer-Encoding: chunked") {
            while true {
                guard let lineEnd = rest.firstRange(of: [0x0D, 0x0A]) else { return nil }
                let size = Int(String(decoding: rest[..<lineEnd.lowerBound], as: UTF8.self), radix: 16) ?? -1
                rest = rest[lineEnd.upperBound...]
                guard size >= 0, rest.count >= size + 2 else { return nil }
                body += rest.prefix(size)
                rest = rest.dropFirst(size + 2)
                if size == 0 { break }
            }
        } else {
            let length = head.split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }
            let size = length.flatMap { Int($0.dropFirst(16)) } ?? 0
            guard rest.count >= size else { return nil }
            body = Array(rest.prefix(size))
            rest = rest.dropFirst(size)
        }
        count = rest.startIndex - bytes.startIndex
    }
}
