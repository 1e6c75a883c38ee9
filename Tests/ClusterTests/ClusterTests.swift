import TestSupport
import Testing

/// Events, queues and values between processes.
@Suite struct `Channel and global data` {
    private static let trials = [
        "data", "counting", "data-down", "data-shards", "hostile", "events", "queues", "left-items", "server-back",
        "gone-takers", "slow-takers", "failing-takers", "fail-over", "channel-down", "full-backlog", "old-receipts",
        "journal", "damaged-journal", "full-disk", "queue-failures", "secrets", "wire", "limits", "strangers",
        "wrong-sequences",
    ]
    /// What is the same whoever carries it.
    private static let common = [
        "data", "counting", "data-down", "events", "queues", "failing-takers", "left-items", "server-back",
    ]

    @Test(arguments: trials, loopBackends)
    func `are put through`(_ trial: String, _ backend: String) async throws {
        try await runTrial("ClusterTrials", trial, backend: backend)
    }

    @Test(arguments: ["queues", "server-back"], loopBackends)
    func `are put through with a journal`(_ trial: String, _ backend: String) async throws {
        try await runTrial("ClusterTrials", trial, ["journal"], backend: backend)
    }

    @Test(arguments: common, loopBackends)
    func `are put through over NATS`(_ trial: String, _ backend: String) async throws {
        try await runTrial("ClusterTrials", trial, ["nats"], backend: backend)
    }

    @Test(arguments: loopBackends)
    func `ask NATS again when nothing comes`(_ backend: String) async throws {
        try await runTrial("ClusterTrials", "unanswered", backend: backend)
    }

    @Test(arguments: common, loopBackends)
    func `are put through over Redis`(_ trial: String, _ backend: String) async throws {
        try await runTrial("ClusterTrials", trial, ["redis"], backend: backend)
    }
}
