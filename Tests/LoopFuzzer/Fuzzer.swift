import Apus
import CSimulation
import Glibc

/// Runs one schedule after the other on the loop of this process.
final class Fuzzer {
    private let options: Options
    private let deeds = Deeds()
    private var scenarios: [Scenario] = []
    private var done: UInt64 = 0
    private var jumps = false
    private var isClearing = false
    private var restingDescriptors: Int32 = 0
    private var current: Scenario?

    init(_ options: Options) { self.options = options }

    nonisolated deinit {}

    func start() throws {
        let control = simulation_control()
        let pipes = PipeScenario(deeds: deeds)
        try pipes.listen()
        let webSockets = WebSocketScenario(deeds: deeds)
        try webSockets.listen()
        let requests = HTTPScenario(deeds: deeds)
        try requests.listen()
        scenarios = [
            try LineScenario(isOutgoing: false, deeds: deeds), try LineScenario(isOutgoing: true, deeds: deeds), pipes,
            webSockets, requests, DatagramScenario(deeds: deeds),
        ]
        if let certificate = options.certificate, let key = options.key {
            let tls = TLSOptions(certificateFile: certificate, privateKeyFile: key)
            scenarios.append(try LineScenario(isOutgoing: false, isSecured: true, deeds: deeds, tls: tls))
            guard simulation_use_certificate(certificate, key) else { throw TLSFailure() }
            scenarios.append(try LineScenario(isOutgoing: true, isSecured: true, deeds: deeds))
        }
        restingDescriptors = simulation_open_descriptors()
        EventLoop.current.watchRead(control) { [unowned self] in atRest() }
        begin()
    }

    private func begin() {
        let seed = options.seed &+ done
        simulation_trace(options.traces)
        // The length is drawn of the same source, which begins with this.
        simulation_begin(seed, 0, false)
        jumps = draw(8) == 0
        simulation_begin(seed, UInt32(20 + draw(200)), jumps)
        let chosen = scenarios.randomOne!
        current = chosen
        chosen.begin()
    }

    private func atRest() {
        guard let current else { return }
        if !isClearing {
            current.checkAll(jumps)
            report(current.lives.flatMap(\.faults))
            isClearing = true
            for hand in deeds.hands where hand.isOpen { hand.destroy() }
            for life in current.lives where life.closes != 1 { life.fault("onClose came \(life.closes) times") }
            report(current.lives.flatMap(\.faults))
            deeds.hands = []
            current.forget()
            return simulation_go_on()
        }
        isClearing = false
        if Token.alive != 0 { report(["\(Token.alive) connections are still in memory"]) }
        let open = simulation_open_descriptors()
        if open != restingDescriptors { report(["\(open) descriptors are open, \(restingDescriptors) were"]) }
        done += 1
        if done == options.schedules { finish() }
        begin()
    }

    private func report(_ faults: [String]) {
        guard !faults.isEmpty else { return }
        print("seed \(options.seed &+ done), \(type(of: current!)):")
        for fault in faults { print("  \(fault)") }
        fflush(nil)
        exit(1)
    }

    private func finish() {
        print(
            "\(done) schedules over \(options.backend.rawValue) from seed \(options.seed): no fault, "
                + "\(simulation_waits()) waits")
        exit(0)
    }
}

/// The files that the command line names are of no use to OpenSSL.
private struct TLSFailure: Error {}
