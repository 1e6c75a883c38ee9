import Apus
import CSimulation

/// Clients that upgrade, send messages in one or several frames, and pings among them.
final class WebSocketScenario: Scenario {
    func listen() throws {
        let worker = Worker(.websocket, on: "127.0.0.1:7")
        worker.onConnect = { [unowned self] connection in try opened(connection) }
        try listen(worker)
    }

    override func begin() {
        for _ in 0...draw(2) {
            let texts = (0..<draw(8)).map { numbered($0, min(drawSize(), 70_000)) }
            var input = Array(
                ("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").utf8)
            for text in texts {
                let bytes = Array(text.utf8)
                let cut = draw(3) == 0 ? draw(bytes.count) : bytes.count
                input += frame(cut == bytes.count ? 0x81 : 0x01, bytes[..<cut])
                if draw(4) == 0 { input += frame(0x89, [1, 2, 3]) }
                if cut < bytes.count { input += frame(0x80, bytes[cut...]) }
            }
            if draw(2) == 0 { input += frame(0x88, [0x03, 0xE8]) }
            add(input, messages: texts)
        }
    }

    /// A frame of a client: masked, with a mask that changes nothing now and then.
    private func frame(_ first: UInt8, _ payload: ArraySlice<UInt8>) -> [UInt8] {
        var frame = [first]
        switch payload.count {
        case ..<126: frame.append(0x80 | UInt8(payload.count))
        case ..<65536: frame += [0xFE, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default: frame += [0xFF] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        let mask = draw(5) == 0 ? [0, 0, 0, 0] : (0..<4).map { _ in UInt8(draw(256)) }
        return frame + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
    }

    private func opened(_ connection: Connection<WebSocket>) throws {
        let life = begin(connection)
        let hand = WebSocketHand(connection, life)
        hand.setCallbacks(deeds)
        connection.onMessage = { [deeds] _, message in
            life.deliver(message.text)
            if draw(3) > 0 { hand.say(drawSize()) }
            try deeds.act(hand)
        }
        try deeds.act(hand)
    }

    /// The messages among the frames have to be those that were accepted; pongs and the end are the library's.
    override func check(_ life: Life, heard: [UInt8], isWhole: Bool) {
        var rest = heard[...]
        guard let headEnd = rest.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound else {
            if isWhole, life.pieces.contains(where: \.isAccepted) { life.fault("the handshake has not arrived") }
            return
        }
        rest = rest[headEnd...]
        var messages: [UInt8] = []
        while let (opcode, payload, count) = nextFrame(rest) {
            if opcode == 1 { messages += payload }
            if opcode > 2, opcode < 8 || opcode > 10 { return life.fault("opcode \(opcode)") }
            rest = rest.dropFirst(count)
        }
        if isWhole, !rest.isEmpty { life.fault("a frame is not whole") }
        checkBytes(life, messages, isWhole: isWhole)
    }

    private func nextFrame(_ bytes: ArraySlice<UInt8>) -> (opcode: UInt8, payload: ArraySlice<UInt8>, count: Int)? {
        guard bytes.count >= 2 else { return nil }
        let start = bytes.startIndex
        var head = 2
        var length = Int(bytes[start + 1] & 0x7F)
        if length >= 126 {
            let more = length == 126 ? 2 : 8
            guard bytes.count >= head + more else { return nil }
            length = bytes[(start + 2)..<(start + 2 + more)].reduce(0) { $0 << 8 | Int($1) }
            head += more
        }
        guard bytes.count >= head + length else { return nil }
        return (bytes[start] & 0x0F, bytes[(start + head)..<(start + head + length)], head + length)
    }
}

private final class WebSocketHand: ConnectionHand<WebSocket> {
    override func say(_ size: Int) {
        let text = numbered(life.pieces.count, size)
        life.offer(Array(text.utf8)) { connection.send(text) }
    }
}
