import CApus

/// One of the processes that a load of several processes is divided among: the same executable, started again.
public nonisolated enum LoadProcess {
    static let variable = "APUS_LOAD_PROCESS"
    /// Where a child finds its end of the channel.
    private static let channelDescriptor: Int32 = 3

    /// Does the part of the load and ends the process, if this process was started for that; returns otherwise. A
    /// program that puts on a load with more than one process calls this before anything else.
    ///
    /// `scenario` is what the visitors of `LoadRun.run(_:scenario:)` do.
    public static func runIfStarted(scenario: (() -> any LoadScenario)? = nil) {
        guard capus_environment(variable) != nil else { return }
        capus_unset_environment(variable)
        // Ctrl-C reaches the whole group; when to stop is for the parent to say.
        var signals: [Int32] = [Int32(CAPUS_SIGINT)]
        _ = capus_signals_open(&signals, 1)
        capus_exit(run(ProcessChannel(fd: channelDescriptor), scenario) ? 0 : 70)
    }

    private static func run(_ channel: ProcessChannel, _ scenario: (() -> any LoadScenario)?) -> Bool {
        var channel = channel
        guard let message = channel.receive(timeout: -1), message.kind == .plan,
            let plan = LoadPlan(decoding: message.bytes), var engine = try? LoadEngine(plan, scenario: scenario),
            channel.send(.ready),
            channel.receive(timeout: -1)?.kind == .start
        else { return false }
        // Whatever comes now means to stop: the message, or that the parent is gone.
        let result = engine.run(stopDescriptor: channel.fd) { progress in
            _ = channel.send(.progress, progress.encoded)
        }
        return channel.send(.result, result.encoded)
    }
}
