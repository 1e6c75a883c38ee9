import Apus
import CSimulation

/// Lines over connections of clients, or of the program itself, plain or over TLS.
final class LineScenario: Scenario {
    private let isOutgoing: Bool
    private let isSecured: Bool

    /// `tls` is for the program's side of accepted connections.
    init(isOutgoing: Bool, isSecured: Bool = false, deeds: Deeds, tls: TLSOptions? = nil) throws {
        self.isOutgoing = isOutgoing
        self.isSecured = isSecured
        super.init(deeds: deeds)
        guard !isOutgoing else { return }
        let worker = Worker(.text, on: "127.0.0.1:7", tls: tls)
        worker.onConnect = { [unowned self] connection in try opened(connection) }
        try listen(worker)
    }

    override func begin() {
        for _ in 0...draw(3) {
            let lines = (0..<draw(12)).map { numbered($0, drawSize()) }
            let input = lines.flatMap { Array(($0 + "\n").utf8) }
            let refuses = isOutgoing && draw(6) == 0
            add(input, messages: refuses ? [] : lines, secured: isSecured, refuses: refuses)
            if isOutgoing { connect() }
        }
    }

    private func connect() {
        var options = ConnectOptions()
        options.limits = Self.limits
        if isSecured {
            options.tls = TLSClientOptions()
            options.tls?.verifiesServer = false
        }
        guard let connection = try? Connection(.text, to: "127.0.0.1:9", options: options) else { return }
        let early = draw(3) == 0 ? [numbered(900, draw(60))] : []
        connection.onConnect = { [unowned self] connection in try opened(connection, early) }
        connection.onError = { _, _, _ in }
        for line in early { connection.send(line) }
        connection.connect()
    }

    private func opened(_ connection: Connection<Text>, _ early: [String] = []) throws {
        let life = begin(connection)
        for line in early { life.pieces.append(Life.Piece(bytes: Array((line + "\n").utf8))) }
        let hand = LineHand(connection, life)
        hand.setCallbacks(deeds)
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
