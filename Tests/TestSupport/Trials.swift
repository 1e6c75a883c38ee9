/// The event loops that trials run over.
public let loopBackends = ["libevent", "epoll"]

/// Runs a trial of one of the programs of trials; throws what it wrote when a check failed.
///
/// `patience`, in seconds, only ends what hangs.
public func runTrial(
    _ program: String, _ name: String, _ words: [String] = [], backend: String = "libevent", patience: Double = 300
) async throws {
    try await TestThreads.light.run {
        let folder = try TemporaryFolder()
        let process = try ServerProcess(program, [name, "--backend", backend] + words, in: folder)
        let output = try process.outputToEnd(within: patience)
        guard try process.waitForExit() != .code(0) else { return }
        throw Failure("\(name) over \(backend): \(output)\n\(process.errorText)")
    }
}
