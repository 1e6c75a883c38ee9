import Apus
import CSimulation

/// Lines over plain connections, over TLS, or over connections that the program makes itself.
final class LineScenario: Scenario {
    enum Kind { case accepted, secured, outgoing }

    private let kind: Kind
    private var listener: Int32 = -1
    /// Plans whose peers have not connected yet, by peer.
    private var coming: [Int: [String]] = [:]

    init(_ kind: Kind, deeds: Deeds, tls: TLSOptions? = nil) throws {
        self.kind = kind
        super.init(deeds: deeds)
        guard kind != .outgoing else { return }
        let worker = Worker(.text, on: "127.0.0.1:7", tls: tls)
        worker.limits = Self.limits
        worker.onConnect = { [unowned self] connection in try opened(connection) }
        try worker.listen()
        listener = simulation_last_listener()
    }

    private static var limits: ConnectionLimits {
        var limits = ConnectionLimits()
        limits.closeTimeout = 5
        limits.handshakeTimeout = 4
        limits.maxSendBufferSize = 100_000
        return limits
    }

    override func begin() {
        for _ in 0...draw(3) {
            let lines = (0..<draw(12)).map { numbered($0, drawSize()) }
            let input = lines.flatMap { Array(($0 + "\n").utf8) }
            var plan = plan(input, secured: kind == .secured)
            plan.listener = listener
            if kind != .outgoing {
                coming[Int(simulation_add_client(&plan))] = lines
                continue
            }
            plan.refuses = draw(6) == 0
            coming[Int(simulation_add_server(&plan))] = plan.refuses ? [] : lines
            connect()
        }
    }

    override func forget() {
        super.forget()
        coming = [:]
    }

    private func connect() {
        var options = ConnectOptions()
        options.limits = Self.limits
        guard let connection = try? Connection(.text, to: "127.0.0.1:9", options: options) else { return }
        let early = draw(3) == 0 ? [numbered(900, draw(60))] : []
        connection.onConnect = { [unowned self] connection in try opened(connection, early) }
        connection.onError = { _, _, _ in }
        for line in early { connection.send(line) }
        connection.connect()
    }

    private func opened(_ connection: Connection<Text>, _ early: [String] = []) throws {
        let peer = Int(simulation_peer(connection.fileDescriptor))
        let life = Life(peer: peer, expected: coming[peer] ?? [])
        let hand = LineHand(connection, life)
        for line in early { life.pieces.append(Life.Piece(bytes: Array((line + "\n").utf8))) }
        lives.append(life)
        deeds.hands.append(hand)
        connection.onClose = { [deeds] connection in
            hand.closed()
            hand.say(10)
            try deeds.act(hand)
        }
        connection.onBufferFull = { [deeds] _ in
            hand.full()
            try deeds.act(hand)
        }
        connection.onBufferDrain = { [deeds] _ in
            hand.drained()
            try deeds.act(hand)
        }
        connection.onError = { _, _, _ in }
        connection.onMessage = { [deeds] connection, line in
            life.deliver(line)
            if draw(3) > 0 { hand.say(drawSize()) }
            try deeds.act(hand, mayThrow: true)
        }
        if draw(4) == 0 { hand.say(20) }
        try deeds.act(hand)
    }

    override func check(_ life: Life, heard: [UInt8], isWhole: Bool) { checkBytes(life, heard, isWhole: isWhole) }
}

private final class LineHand: ConnectionHand<Text> {
    override func say(_ size: Int) {
        let line = numbered(life.pieces.count, size)
        life.offer(Array((line + "\n").utf8)) { connection.send(line) }
    }
}
