import TestSupport
import Testing

/// The STOMP client with a RabbitMQ, and with brokers that are none.
@Suite struct `STOMP client` {
    private func trial(_ name: String, _ backend: String) async throws {
        // Started on a thread that may be blocked.
        let broker = try await TestThreads.light.run { try RabbitServer.shared.get() }
        let words = [
            "stomp://\(broker.endpoint)", "\(broker.securedEndpoint)", TestCertificates.shared.certificate("localhost"),
        ]
        try await runTrial("QueueTrials", name, words, backend: backend)
    }

    @Test(arguments: loopBackends)
    func `Messages arrive as they were sent, in all versions`(_ backend: String) async throws {
        try await trial("roundTrip", backend)
    }

    @Test(arguments: loopBackends)
    func `Everything has a callback`(_ backend: String) async throws { try await trial("callbacks", backend) }

    @Test(arguments: loopBackends)
    func `Messages are acknowledged once, one by one or together`(_ backend: String) async throws {
        try await trial("ackModes", backend)
    }

    @Test(arguments: loopBackends)
    func `A slow reader holds messages back, and loses none`(_ backend: String) async throws {
        try await trial("backPressure", backend)
    }

    @Test(arguments: loopBackends)
    func `Transactions take effect as a whole`(_ backend: String) async throws {
        try await trial("transactions", backend)
    }

    @Test(arguments: loopBackends)
    func `The broker confirms what it has`(_ backend: String) async throws { try await trial("confirmations", backend) }

    @Test(arguments: loopBackends)
    func `What is refused is an error of its own`(_ backend: String) async throws {
        try await trial("refusals", backend)
    }

    @Test(arguments: loopBackends)
    func `The broker is spoken to over TLS`(_ backend: String) async throws { try await trial("stompTLS", backend) }

    @Test(arguments: loopBackends)
    func `Sequences end with their subscription`(_ backend: String) async throws {
        try await trial("sequences", backend)
    }

    @Test(arguments: loopBackends)
    func `A broker that is killed, or stands still, is met again`(_ backend: String) async throws {
        try await runTrial("QueueTrials", "killedBroker", backend: backend)
    }

    @Test(
        arguments: ["cutBroker", "garbageBroker", "silentBroker", "heartBeats", "slowBroker", "fastBroker"],
        loopBackends)
    func `A broker that misbehaves does no harm`(_ name: String, _ backend: String) async throws {
        try await runTrial("QueueTrials", name, backend: backend)
    }
}
