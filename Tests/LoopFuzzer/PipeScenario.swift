import Apus
import CSimulation

/// Pairs of connections, each of which hands its bytes on to the other one.
final class PipeScenario: Scenario {
    private var inputs: [Int: [UInt8]] = [:]
    private var waiting: (connection: Connection<Raw>, life: Life)?
    /// Peers whose bytes go to each other.
    private var partners: [Int: Int] = [:]

    override var outlivesFIN: Bool { true }

    func listen() throws {
        let worker = Worker(.raw, on: "127.0.0.1:7")
        worker.onConnect = { [unowned self] connection in opened(connection) }
        try listen(worker)
    }

    override func begin() {
        for _ in 0..<2 * (1 + draw(2)) {
            let input = (0..<draw(10)).flatMap { Array(numbered($0, drawSize()).utf8) }
            inputs[add(input)] = input
        }
    }

    override func forget() {
        super.forget()
        waiting = nil
        inputs = [:]
        partners = [:]
    }

    private func opened(_ connection: Connection<Raw>) {
        let life = begin(connection)
        let hand = ConnectionHand(connection, life)
        deeds.hands.append(hand)
        connection.onClose = { [unowned self] closed in
            hand.closed()
            if waiting?.connection == closed { waiting = nil }
        }
        guard let other = waiting else {
            waiting = (connection, life)
            return connection.pauseReading()
        }
        waiting = nil
        partners[life.peer] = other.life.peer
        partners[other.life.peer] = life.peer
        connection.pipe(to: other.connection)
        other.connection.pipe(to: connection)
        other.connection.resumeReading()
        if draw(10) == 0 { hand.after(Double(draw(10)) / 1000) { hand.close() } }
    }

    override func check(_ life: Life, heard: [UInt8], isWhole: Bool) {
        guard let partner = partners[life.peer], let sent = inputs[partner] else { return }
        if !begins(sent[...], with: heard[...]) {
            life.fault("\(heard.count) bytes have arrived, not those that were sent")
        }
        let state = Int32(bitPattern: simulation_state(Int32(partner)))
        let spoiled = SIMULATION_WAS_RESET | SIMULATION_LOST | SIMULATION_RESET | SIMULATION_DROPPED
        let isSent = state & Int32(spoiled) == 0 && state & Int32(SIMULATION_SAID_ALL) != 0
        let other = lives.first { $0.peer == partner }
        let isCut = life.wasEnded || other?.wasEnded ?? true || simulation_plan_of(Int32(partner)).leaves
        // Whoever reads nothing holds up the other side, too, until it is given up.
        let isRead = simulation_plan_of(Int32(partner)).reads > 0
        if isWhole, isSent, isRead, !isCut, heard.count < sent.count {
            life.fault("only \(heard.count) of \(sent.count) bytes have arrived")
        }
    }
}
