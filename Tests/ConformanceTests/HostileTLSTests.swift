import Glibc
import TestSupport
import Testing

/// Clients that speak TLS to the letter, and against its sense.
@Suite struct HostileTLSTests {
    private static let script =
        "/" + #filePath.split(separator: "/").dropLast(2).joined(separator: "/") + "/HostileTLS/client.py"

    private static let secured = Setup.eachBackend.filter(\.isSecured)

    /// What the client says at the end. Another one is served all the while.
    private func run(_ setup: Setup, _ mode: String, _ count: Int = 0) async throws -> String {
        nonisolated(unsafe) var said = ""
        try await withScenario("echo", setup, ["--protocol", "text"]) { server in
            let folder = try TemporaryFolder()
            guard case .ipv4(let port) = server.endpoint else { throw Failure("not an IPv4 endpoint") }
            let other = try server.connect()
            let client = try ServerProcess("/usr/bin/python3", [Self.script, mode, "\(port)", "\(count)"], in: folder)
            while client.isRunning, said.isEmpty {
                try other.send("still here\n")
                #expect(try other.readLine() == "still here")
                said = (try? client.nextLine(within: 0.01)) ?? ""
            }
            #expect(try client.waitForExit() == .code(0), "\(client.errorText)")
            try other.send("here\n")
            #expect(try other.readLine() == "here")
        }
        return said
    }

    /// RFC 8446 §5.1 lets a message be parted over records. Whoever stops in the middle of one about the session would
    /// have the answer wait for the rest, and the loop turn until then.
    @Test(arguments: secured)
    func halfAMessageAboutTheSessionEndsIt(_ setup: Setup) async throws {
        #expect(try await run(setup, "half") == "closed")
    }

    /// New keys cost their sender nothing, and OpenSSL reads on until it has something for the program.
    @Test(arguments: secured)
    func aFloodOfNewKeysEndsTheSession(_ setup: Setup) async throws {
        #expect(try await run(setup, "flood", 20_000) == "closed")
    }

    /// RFC 8446 §4.6.3. The kernel cannot be given new keys: whoever wants them is left.
    @Test(arguments: secured)
    func newKeysAreTakenAndGiven(_ setup: Setup) async throws {
        let kernelSends = getenv("APUS_TEST_KERNEL_TLS") != nil
        #expect(try await run(setup, "keys", 100) == (kernelSends ? "0" : "100"))
    }
}
