import TestSupport
import Testing

/// The Redis client, its subscriptions and its queues against a real redis-server, which is killed and started again in
/// the middle of it, and against servers that send anything.
@Suite struct RedisTrialTests {
    static let versions = ["2", "3"]

    private func run(_ trial: String, _ words: [String], _ backend: String) async throws {
        try await runTrial("RedisTrials", trial, words, backend: backend)
    }

    @Test(
        arguments: [
            "strings", "keys", "hashes", "lists", "sets", "sortedSets", "geo", "streams", "scripts", "server", "scans",
        ],
        versions)
    func commandsDoWhatTheySay(_ family: String, _ version: String) async throws {
        // The loop has no part in what commands are: one of both for each family.
        try await run(family, [version], version == "2" ? "libevent" : "epoll")
    }

    @Test(
        arguments: [
            "callbacks", "batches", "watching", "leases", "logins", "tls", "messages", "resubscribing", "slowReaders",
        ],
        loopBackends)
    func connectionsAreSharedOrNot(_ trial: String, _ backend: String) async throws {
        for version in Self.versions { try await run(trial, [version], backend) }
    }

    @Test(
        arguments: ["killedServers", "hostileReplies", "hostileSubscriptions", "quotedLogins", "stalls", "lettingGo"],
        loopBackends)
    func failuresAreToldAndOverCome(_ trial: String, _ backend: String) async throws {
        try await run(trial, [], backend)
    }

    @Test(
        arguments: ["queues", "queueFailures", "queuesOfOthers", "queueOutages"], loopBackends)
    func queuesKeepTheirMessages(_ trial: String, _ backend: String) async throws {
        try await run(trial, ["2", "reliable"], backend)
        // Without it a message that is taken when the server dies is lost.
        if trial != "queueOutages" { try await run(trial, ["3"], backend) }
    }

    @Test(arguments: loopBackends)
    func killedConsumersLoseNothing(_ backend: String) async throws { try await run("killedConsumers", [], backend) }
}
