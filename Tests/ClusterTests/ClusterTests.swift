import TestSupport
import Testing

/// Events, queues and values between processes.
@Suite struct `Channel and global data` {
    private static let trials = [
        "data", "counting", "data-down", "data-shards", "hostile", "events", "queues", "fail-over", "channel-down",
        "secrets", "wire",
    ]

    @Test(arguments: trials, loopBackends)
    func `are put through`(_ trial: String, _ backend: String) async throws {
        try await runTrial("ClusterTrials", trial, backend: backend)
    }

    @Test(arguments: ["data", "counting", "data-down", "events-elsewhere"], loopBackends)
    func `are put through over Redis`(_ trial: String, _ backend: String) async throws {
        try await runTrial("ClusterTrials", trial, ["redis"], backend: backend)
    }
}
