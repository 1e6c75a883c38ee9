import Apus
import CSimulation

/// Datagrams of several peers at one socket, received and sent in runs where the kernel can: each arrives once, in
/// order, and of those that are sent the kernel alone loses some.
final class DatagramScenario: Scenario {
    private struct Trouble: Error {}

    private var worker: UDPWorker<Raw>?
    private var known: [Int: Life] = [:]
    /// Sends that failed at once, by peer: the kernel has refused as many.
    private var failures: [Int: Int] = [:]

    override func begin() {
        // A socket remembers that runs were refused: each schedule has its own.
        let worker = UDPWorker(.raw, on: "127.0.0.1:8")
        worker.onMessage = { [unowned self] peer, datagram in try received(datagram, of: peer) }
        worker.errorHandler = { _, _ in }
        do { try listen(worker) } catch { fatalError("\(error)") }
        self.worker = worker
        for _ in 0...draw(4) {
            let size = [0, 20, 1000, 1300, 3000, 20_000][draw(6)]
            let messages = (0..<draw(draw(8) == 0 ? 200 : 30)).map { number in
                numbered(number, draw(6) == 0 ? draw(60) : size)
            }
            let peer = add(
                messages.flatMap { text in
                    [UInt8(text.utf8.count & 0xFF), UInt8(text.utf8.count >> 8)] + Array(text.utf8)
                }, messages: messages)
            known[peer] = begin(peer: peer)
        }
    }

    override func forget() {
        super.forget()
        worker?.stopListening()
        worker = nil
        known = [:]
        failures = [:]
    }

    private func received(_ datagram: [UInt8], of peer: UDPConnection<Raw>) throws {
        guard let life = known[Int(simulation_peer_of_port(Int32(peer.remotePort)))] else { return }
        life.deliver(String(decoding: datagram, as: UTF8.self))
        for _ in 0..<draw(3) { say(life, peer, draw(4) > 0 ? datagram.count : drawSize()) }
        switch draw(100) {
        case 0: throw Trouble()
        case 1:
            worker?.pauseAccept()
            WorkerTimer.after(Double(draw(10)) / 1000) { [unowned self] _ in worker?.resumeAccept() }
        case 2...10:
            WorkerTimer.after(Double(draw(10)) / 1000) { [unowned self] _ in say(life, peer, datagram.count) }
        case 11 where draw(5) == 0:
            worker?.stopListening()
            worker = nil
            for life in lives { life.wasEnded = true }
        default: break
        }
    }

    private func say(_ life: Life, _ peer: UDPConnection<Raw>, _ size: Int) {
        let bytes = Array(numbered(life.pieces.count, size).utf8)
        let refused = simulation_refused(Int32(life.peer))
        life.offer(bytes) { peer.send(bytes) }
        guard life.pieces.last?.isAccepted == false else { return }
        failures[life.peer, default: 0] += Int(simulation_refused(Int32(life.peer)) - refused)
    }

    override func checkAll(_ jumps: Bool) {
        for life in lives {
            check(life, Self.datagrams(of: life.peer))
            if !life.wasEnded, life.delivered.count < life.expected.count {
                life.fault("only \(life.delivered.count) of \(life.expected.count) datagrams were delivered")
            }
            life.closes = 1  // There is nothing to close.
        }
    }

    private func check(_ life: Life, _ heard: [[UInt8]]) {
        var sent = life.pieces[...]
        for datagram in heard {
            while let next = sent.first, !next.isAccepted || next.bytes != datagram { sent = sent.dropFirst() }
            if sent.popFirst() == nil { return life.fault("\(datagram.count) bytes have arrived that were not next") }
        }
        let accepted = life.pieces.count(where: \.isAccepted)
        let refused = Int(simulation_refused(Int32(life.peer))) - failures[life.peer, default: 0]
        if heard.count != accepted - refused {
            life.fault("\(heard.count) datagrams of \(accepted) have arrived, and \(refused) were refused")
        }
    }

    /// What a peer has got.
    private static func datagrams(of peer: Int) -> [[UInt8]] {
        var count = 0
        let start = simulation_heard(Int32(peer), &count)
        var rest = UnsafeBufferPointer(start: start, count: count)[...]
        var found: [[UInt8]] = []
        while rest.count >= 2 {
            let size = Int(rest[rest.startIndex]) | Int(rest[rest.startIndex + 1]) << 8
            found.append(Array(rest.dropFirst(2).prefix(size)))
            rest = rest.dropFirst(2 + size)
        }
        return found
    }
}
