import Glibc
import TestSupport
import Testing

/// Records that the kernel makes, where it can; where it cannot, files arrive as without. On a kernel that can:
/// `Tests/KernelTLS/run.sh`, which also runs others with it, those of files for instance.
@Suite struct KernelTLSTests {
    /// Sessions whose sending, and whose receiving, the kernel has taken over since it was started; nil if it cannot.
    private func sessions() -> (sending: Int, receiving: Int)? {
        guard let text = readText("/proc/net/tls_stat") else { return nil }
        func count(_ name: String) -> Int? {
            text.split(separator: "\n").map { $0.split { $0 == " " || $0 == "\t" } }.first { $0.first == name[...] }
                .flatMap { Int($0.last ?? "") }
        }
        guard let sending = count("TlsTxSw"), let receiving = count("TlsRxSw") else { return nil }
        return (sending, receiving)
    }

    @Test(arguments: backends, ["1.2", "1.3"])
    func filesArriveWhole(_ backend: String, _ version: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let text = (0..<100_000).map { "\($0 &* 31)\n" }.joined()
            try writeText(text, to: folder.file("large.txt"))
            let certificates = TestCertificates.shared
            let calls = try FailingCalls()
            let service = try Service(
                "Examples", "FileDownload", backend,
                [
                    "--on", "127.0.0.1:0", "--folder", folder.path, "--kernel-tls", "--cert",
                    certificates.certificate("localhost"), "--key", certificates.key("localhost"),
                ], launch: try calls.launch())
            let (master, endpoint) = try service.start()
            guard case .ipv4(let port) = endpoint else { throw Failure("not an IPv4 endpoint") }
            let before = sessions()
            let warnings = service.log.split(separator: "\n").count {
                $0.contains("this kernel makes no records of TLS")
            }
            #expect(warnings == (before == nil ? 1 : 0), "\(service.log)")
            // One piece of the file has to wait for its turn, if it leaves by this call.
            calls.fail("sendfile", EAGAIN, nth: 1)
            let into = try TemporaryFolder()
            let curl = try ServerProcess(
                "/usr/bin/curl",
                [
                    "-sS", "--max-time", "60", "--cacert", certificates.certificate("localhost"), "--tlsv\(version)",
                    "--tls-max", version, "-o", into.file("first"), "https://localhost:\(port)/large.txt",
                    "-o", into.file("second"), "https://localhost:\(port)/large.txt",
                ], in: into)
            #expect(try curl.waitForExit() == .code(0), "\(curl.errorText)")
            for name in ["first", "second"] {
                let isWhole = readText(into.file(name)) == text
                #expect(isWhole, "\(name)")
            }
            if let before {
                let after = try #require(sessions())
                #expect(after.sending > before.sending)
                // OpenSSL 3.0 lets the kernel open records of TLS 1.2 alone.
                #expect(version == "1.3" || after.receiving > before.receiving)
            }
            #expect(calls.struck == (before == nil ? 0 : 1))
            #expect(try master.stop() == .code(0))
        }
    }
}
