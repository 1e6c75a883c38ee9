import CApus

/// One of the processes that a load of several processes is divided among: the same executable, started again.
public nonisolated enum LoadProcess {
    static let variable = "APUS_LOAD_PROCESS"
    /// Where a child finds its end of the channel.
    private static let channelDescriptor: Int32 = 3

    /// Does the part of the load and ends the process, if this process was started for that; returns otherwise. A
    /// program that puts on a load with more than one process calls this before anything else.
    public static func runIfStarted() {
        guard capus_environment(variable) != nil else { return }
        capus_unset_environment(variable)
        // Ctrl-C reaches the whole group; when to stop is for the parent to say.
        var signals: [Int32] = [Int32(CAPUS_SIGINT)]
        _ = capus_signals_open(&signals, 1)
        capus_exit(run(ProcessChannel(fd: channelDescriptor)) ? 0 : 70)
    }

    private static func run(_ channel: ProcessChannel) -> Bool {
        var channel = channel
        var isClosed = false
        guard let message = channel.receive(timeout: -1, isClosed: &isClosed), message.kind == .plan,
            let plan = LoadPlan(decoding: message.bytes), var engine = try? LoadEngine(plan), channel.send(.ready),
            channel.receive(timeout: -1, isClosed: &isClosed)?.kind == .start
        else { return false }
        // Whatever comes now means to stop: the message, or that the parent is gone.
        let result = engine.run(stopDescriptor: channel.fd) { progress in
            _ = channel.send(.progress, progress.encoded)
        }
        return channel.send(.result, result.encoded)
    }
}
