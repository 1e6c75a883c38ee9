import TestSupport
import Testing

/// ZeroMQ sockets with those of Python.
@Suite struct `ZeroMQ sockets` {
    @Test(arguments: loopBackends)
    func `PULL gets all of PUSH, in order`(_ backend: String) async throws {
        try await runTrial("QueueTrials", "zmqPull", backend: backend)
    }

    @Test(arguments: loopBackends)
    func `PUSH hands all to PULL, in order`(_ backend: String) async throws {
        try await runTrial("QueueTrials", "zmqPush", backend: backend)
    }

    @Test(arguments: loopBackends)
    func `SUB gets what it wants of PUB`(_ backend: String) async throws {
        try await runTrial("QueueTrials", "zmqSub", backend: backend)
    }

    @Test(arguments: loopBackends)
    func `PUB sends to SUB what it wants`(_ backend: String) async throws {
        try await runTrial("QueueTrials", "zmqPub", backend: backend)
    }

    @Test(arguments: loopBackends)
    func `REQ gets the reply to its request, and to no other`(_ backend: String) async throws {
        try await runTrial("QueueTrials", "zmqRequests", backend: backend)
    }

    @Test(arguments: loopBackends)
    func `REP answers several REQ`(_ backend: String) async throws {
        try await runTrial("QueueTrials", "zmqReplies", backend: backend)
    }

    @Test(arguments: loopBackends)
    func `ROUTER and DEALER know whom they speak with`(_ backend: String) async throws {
        try await runTrial("QueueTrials", "zmqRouter", backend: backend)
    }

    @Test(arguments: loopBackends)
    func `Full queues hold the sender back, and lose nothing`(_ backend: String) async throws {
        try await runTrial("QueueTrials", "zmqHighWater", backend: backend)
    }

    @Test(arguments: loopBackends)
    func `News that a call took note of are not lost`(_ backend: String) async throws {
        try await runTrial("QueueTrials", "zmqNews", backend: backend)
    }

    @Test(arguments: loopBackends)
    func `A peer that was killed is met again`(_ backend: String) async throws {
        try await runTrial("QueueTrials", "zmqPeerKilled", backend: backend)
    }

    @Test(arguments: loopBackends)
    func `What is wrong is an error of its own`(_ backend: String) async throws {
        try await runTrial("QueueTrials", "zmqErrors", backend: backend)
    }

    @Test(arguments: loopBackends)
    func `Sockets that are closed, or let go of, leave no descriptors`(_ backend: String) async throws {
        try await runTrial("QueueTrials", "zmqDescriptors", backend: backend)
    }

    @Test(arguments: loopBackends)
    func `Closing never holds up the loop`(_ backend: String) async throws {
        try await runTrial("QueueTrials", "zmqShutDown", backend: backend)
    }

    @Test(arguments: loopBackends)
    func `A part that is too large ends its connection`(_ backend: String) async throws {
        try await runTrial("QueueTrials", "zmqLargeParts", backend: backend)
    }
}
