import TestSupport
import Testing

/// The resolver against dnsmasq.
@Suite struct `DNS resolver` {
    @Test(arguments: ["dns", "dns-troubles"], loopBackends)
    func `is put through`(_ trial: String, _ backend: String) async throws {
        try await runTrial("ClientTrials", trial, backend: backend)
    }
}
