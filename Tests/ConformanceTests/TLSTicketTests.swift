import Glibc
import TestSupport
import Testing

/// Sessions that are resumed by a ticket, on a day that the test chooses: OpenSSL's own client says what became of it.
@Suite struct TLSTicketTests {
    private static let certificates = TestCertificates.shared

    private func openssl(_ words: [String], in folder: TemporaryFolder) throws -> String {
        let program = try ServerProcess(
            "/bin/sh", ["-c", "exec openssl \"$@\" </dev/null 2>&1", "sh"] + words, in: folder)
        let output = try program.outputToEnd()
        _ = try program.waitForExit()
        return output
    }

    /// What a client says that connects with the ticket of `session`, if that is there, and keeps the one it gets.
    private func connect(_ server: ScenarioServer, _ folder: TemporaryFolder, _ words: [String]) throws -> String {
        guard case .ipv4(let port) = server.endpoint else { throw Failure("not an IPv4 endpoint") }
        let session = folder.file("session")
        let known = access(session, F_OK) == 0 ? ["-sess_in", session] : []
        return try openssl(
            ["s_client", "-connect", "127.0.0.1:\(port)", "-tls1_2", "-sess_out", session] + known + words, in: folder)
    }

    /// A board without a clock believes to be in 1970 until it has asked for the time. Tickets were sealed with keys of
    /// zeros there, which everybody has.
    @Test(arguments: Setup.backends, [1000, 50_000])
    func ticketsAreSealedFromTheFirstSecondOn(_ backend: String, _ second: Int64) async throws {
        try await TestThreads.light.run {
            let calls = try FailingCalls()
            calls.clockOffset = second - Int64(time(nil))
            let setup = Setup(backend: backend, transport: .ipv4, isSecured: true)
            let server = try ScenarioServer(
                "echo", setup, ["--protocol", "text"], environment: calls.launch().environment)
            let folder = try TemporaryFolder()
            let output = try connect(server, folder, [])
            let ticket = try #require(output.split(separator: "\n").first { $0.contains("0000 - ") }, "\(output)")
            #expect(!ticket.contains("0000 - 00 00 00 00 00 00 00 00"), "\(ticket)")
            #expect(try connect(server, folder, []).contains("Reused, TLSv1.2"))
            try server.finish()
        }
    }

    /// A client that has shown a certificate is not asked for it again, for as long as that is valid.
    @Test(arguments: Setup.backends)
    func aTicketEndsWithTheCertificate(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let certificate = Self.certificates.certificate("other")
            // "notAfter=Nov  1 12:00:00 2036 GMT"
            let said = try openssl(["x509", "-in", certificate, "-enddate", "-noout"], in: folder)
            let date = try ServerProcess(
                "/bin/date", ["-d", "\(said.dropFirst("notAfter=".count))", "+%s"], in: folder)
            let end = try #require(try date.nextLine().flatMap { Int64($0) }, "\(said)")
            _ = try date.waitForExit()
            let left = end - Int64(time(nil))
            let calls = try FailingCalls()
            calls.clockOffset = left - 1800
            let setup = Setup(backend: backend, transport: .ipv4, isSecured: true)
            let server = try ScenarioServer(
                "echo", setup, ["--protocol", "text", "--client-ca", certificate],
                environment: calls.launch().environment)
            let identity = ["-cert", certificate, "-key", Self.certificates.key("other")]
            #expect(try connect(server, folder, identity).contains("New, TLSv1.2"))
            #expect(try connect(server, folder, identity).contains("Reused, TLSv1.2"))
            calls.clockOffset = left + 600
            let late = try connect(server, folder, identity)
            #expect(!late.contains("Reused") && late.contains("alert certificate expired"), "\(late)")
            try server.finish()
        }
    }
}
