import TestSupport
import Testing

/// What tasks of one process wait for each other with.
@Suite struct `Task utilities` {
    @Test(arguments: ["channel", "lock", "groups", "parallel", "context"], loopBackends)
    func `are put through`(_ trial: String, _ backend: String) async throws {
        try await runTrial("TaskTrials", trial, backend: backend)
    }
}
