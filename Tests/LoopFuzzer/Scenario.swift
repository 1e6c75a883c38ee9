import Apus
import CSimulation
import Glibc

/// One sort of connections, of which a schedule has a few.
class Scenario {
    let deeds: Deeds
    /// The lives of this schedule.
    private(set) var lives: [Life] = []
    /// What the peers of this schedule will say, by peer.
    private var messages: [Int: [String]] = [:]
    private var inputs: [UnsafeMutableBufferPointer<UInt8>] = []
    /// Where clients connect to; negative when the program connects to peers.
    private var listener: Int32 = -1
    /// Connections stay open behind a FIN while somebody has yet to finish.
    var outlivesFIN: Bool { false }

    init(deeds: Deeds) { self.deeds = deeds }

    nonisolated deinit {}

    /// Short time-outs, which come before a schedule ends, and a queue that is soon full.
    static var limits: ConnectionLimits {
        var limits = ConnectionLimits()
        limits.closeTimeout = 5
        limits.handshakeTimeout = 4
        limits.maxSendBufferSize = 100_000
        return limits
    }

    /// Serves the scenario's clients.
    func listen(_ worker: WorkerBase) throws {
        worker.limits = Self.limits
        try worker.listen()
        listener = simulation_last_listener()
    }

    /// Adds peers for a schedule.
    func begin() {}
    /// Looks at what a peer has heard; `isWhole` says that nothing may be missing.
    func check(_ life: Life, heard: [UInt8], isWhole: Bool) {}

    func forget() {
        lives = []
        messages = [:]
        for input in inputs { input.deallocate() }
        inputs = []
    }

    /// Adds a peer that says `input`, in which there are `messages`. Returns its number.
    @discardableResult
    func add(_ input: [UInt8], messages: [String] = [], secured: Bool = false, refuses: Bool = false) -> Int {
        var plan = plan(input, secured: secured)
        plan.refuses = refuses
        let peer = Int(listener < 0 ? simulation_add_server(&plan) : simulation_add_client(&plan))
        self.messages[peer] = messages
        return peer
    }

    /// The life of a connection that was just made.
    func begin<P: WireProtocol>(_ connection: Connection<P>) -> Life {
        begin(peer: Int(simulation_peer(connection.fileDescriptor)))
    }

    /// The life of what a peer has with the program.
    func begin(peer: Int) -> Life {
        let life = Life(peer: peer, expected: messages[peer] ?? [])
        lives.append(life)
        return life
    }

    /// A plan with all that does not depend on the protocol.
    private func plan(_ input: [UInt8], secured: Bool) -> simulation_plan {
        let kept = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, input.count))
        _ = kept.update(from: input)
        inputs.append(kept)
        var plan = simulation_plan()
        plan.input = UnsafePointer(kept.baseAddress)
        plan.input_count = input.count
        plan.resets_after = draw(8) == 0 ? Int64(draw(input.count + 1)) : -1
        plan.finishes = draw(3) == 0
        plan.leaves = draw(8) == 0
        plan.reads = draw(12) == 0 ? 0 : UInt32(10 + draw(90))
        plan.room = [300, 4096, 65536, 1_000_000].map { UInt32($0) }[draw(4)]
        plan.window = [16, 1000, 65536].map { UInt32($0) }[draw(3)]
        plan.secured = secured
        plan.listener = listener
        return plan
    }

    /// Called when nothing happens any more.
    func checkAll(_ jumps: Bool) {
        for life in lives {
            let state = Int32(bitPattern: simulation_state(Int32(life.peer)))
            let spoiled =
                SIMULATION_WAS_RESET | SIMULATION_LOST | SIMULATION_RESET | SIMULATION_DROPPED
            let plan = simulation_plan_of(Int32(life.peer))
            let isUndisturbed = state & Int32(spoiled) == 0 && !plan.leaves && !life.wasDestroyed && !jumps
            var count = 0
            let start = simulation_heard(Int32(life.peer), &count)
            let heard = Array(UnsafeBufferPointer(start: start, count: count))
            check(life, heard: heard, isWhole: isUndisturbed && plan.reads > 0)
            let isHeard = state & Int32(SIMULATION_SAID_ALL) != 0
            guard isUndisturbed, isHeard, !life.wasEnded, plan.reads > 0 else { continue }
            if life.delivered.count < life.expected.count {
                life.fault("only \(life.delivered.count) of \(life.expected.count) messages were delivered")
            }
            if plan.finishes, !life.isClosed, !outlivesFIN { life.fault("the connection stays behind the FIN") }
        }
    }

    /// The bytes that a peer has heard, when the protocol adds nothing: what was accepted, in order.
    func checkBytes(_ life: Life, _ heard: [UInt8], isWhole: Bool) {
        var rest = heard[...]
        for (index, piece) in life.pieces.enumerated() {
            if rest.isEmpty {
                if isWhole, piece.isAccepted {
                    life.fault("piece \(index) of \(life.pieces.count) has not arrived, \(heard.count) bytes have")
                }
                if isWhole, piece.isAccepted { return }
                continue
            }
            if begins(rest, with: piece.bytes[...]) {
                // Refused, but under way already when the connection ended.
                if !piece.isAccepted, !life.isClosed { life.fault("piece \(index) was refused and has arrived") }
                rest = rest.dropFirst(piece.bytes.count)
            } else if begins(piece.bytes[...], with: rest), piece.isAccepted || life.isClosed {
                if isWhole { life.fault("piece \(index) has arrived in part: \(rest.count) of \(piece.bytes.count)") }
                return
            } else if piece.isAccepted {
                return life.fault("something else than piece \(index) has arrived, at \(heard.count - rest.count)")
            }
        }
        if !rest.isEmpty { life.fault("\(rest.count) bytes too many have arrived") }
    }
}

/// Text that names its number, of about `size` bytes.
func numbered(_ number: Int, _ size: Int) -> String {
    let name = "\(number):"
    return name
        + String(unsafeUninitializedCapacity: size) { bytes in
            bytes.initialize(repeating: UInt8(ascii: "a") + UInt8(number % 7))
            return size
        }
}

/// As `starts(with:)`, which looks at one byte after the other.
func begins(_ bytes: ArraySlice<UInt8>, with start: ArraySlice<UInt8>) -> Bool {
    guard bytes.count >= start.count else { return false }
    return bytes.withUnsafeBytes { bytes in
        start.withUnsafeBytes { $0.isEmpty || memcmp(bytes.baseAddress!, $0.baseAddress!, $0.count) == 0 }
    }
}
