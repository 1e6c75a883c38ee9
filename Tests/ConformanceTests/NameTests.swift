import Glibc
import TestSupport
import Testing

/// Names of hosts that the system looks up, and does not find.
@Suite struct NameTests {
    private static func client(_ backend: String, aliases: String) throws -> ScenarioServer {
        try ScenarioServer(
            "async-client", Setup(backend: backend, transport: .ipv4), ["--to", "127.0.0.1:1"],
            environment: ["HOSTALIASES": aliases, "RES_OPTIONS": "timeout:1 attempts:1"])
    }

    @Test(arguments: Setup.backends)
    func soManyNamesWait(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            #expect(mkfifo(folder.file("aliases"), 0o600) == 0)
            let client = try Self.client(backend, aliases: folder.file("aliases"))
            #expect(try client.tell("names 1035") == "ok")
            for _ in 0..<3 {
                #expect(try client.nextEvent().hasSuffix("1024 other names are to be looked up before"))
            }
            try client.finish()
        }
    }

    /// Who asks for names that nobody answers, and leaves, must not keep others from theirs: what was not begun when he
    /// left is never asked. The system reads a file of aliases for a name without dots, which is a pipe here that keeps
    /// it waiting.
    @Test(arguments: Setup.backends)
    func namesThatNobodyWaitsForAreNotLookedUp(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let pipe = folder.file("aliases")
            #expect(mkfifo(pipe, 0o600) == 0)
            let client = try Self.client(backend, aliases: pipe)
            for number in 0..<400 { #expect(try client.tell("cancel nobody\(number):1") == "cancelled") }
            // "localhost" stands in a file that comes before.
            let asking = try Client(client.endpoint)
            try asking.send("fail localhost:1\n")
            var releases = 0
            while releases < 100, !asking.isReadable(within: 0.002) {
                // Only where a reader waits; those that do go on together.
                let writer = open(pipe, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
                guard writer >= 0 else { continue }
                releases += 1
                close(writer)
            }
            #expect(try asking.readLine().contains("Connection refused"))
            // Eight at a time are asked, so 400 would take 50 releases.
            #expect((1...32).contains(releases), "\(releases) releases")
            try client.finish()
        }
    }
}
