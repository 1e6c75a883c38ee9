import TestSupport
import Testing

/// Connections over a kernel that does all that a kernel may do, in a short run of what `bench/Fuzz/loop.py` does.
@Suite struct LoopFuzzTests {
    @Test(arguments: loopBackends, [1, 1_000_000])
    func noScheduleFindsAFault(_ backend: String, _ seed: Int) async throws {
        try await TestThreads.heavy.run {
            let folder = try TemporaryFolder()
            let certificates = TestCertificates.shared
            let words = ["--backend", backend, "--seed", "\(seed)", "--schedules", "1000"]
            let tls = ["--certificate", certificates.certificate("localhost"), "--key", certificates.key("localhost")]
            let process = try ServerProcess("LoopFuzzer", words + tls, in: folder)
            let output = try process.outputToEnd(within: 300)
            #expect(try process.waitForExit() == .code(0), "\(output)\n\(process.errorText)")
            #expect(output.contains("1000 schedules"))
        }
    }
}
