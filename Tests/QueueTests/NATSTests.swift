import TestSupport
import Testing

/// The NATS client with a nats-server, and with servers that are none.
@Suite struct `NATS client` {
    @Test(
        arguments: [
            "natsMessages", "natsRefusals", "natsRequests", "natsDown", "natsLogins", "natsTLS", "natsHostile",
            "natsSilence",
        ], loopBackends)
    func `does what it should`(_ trial: String, _ backend: String) async throws {
        try await runTrial("QueueTrials", trial, backend: backend)
    }
}
