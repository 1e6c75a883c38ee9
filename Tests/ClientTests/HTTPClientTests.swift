import TestSupport
import Testing

/// The HTTP client against nginx, proxies, Apus' own servers, and servers that do as a script says.
@Suite struct `HTTP client` {
    private static let trials = [
        "responses", "pooling", "stale", "timeouts", "redirects", "bodies", "streaming", "compression", "cookies",
        "nginx",
        "killed", "tls", "proxies", "misuse", "many", "every-byte",
    ]

    @Test(arguments: trials, loopBackends)
    func `is put through`(_ trial: String, _ backend: String) async throws {
        try await runTrial("ClientTrials", trial, backend: backend)
    }
}
