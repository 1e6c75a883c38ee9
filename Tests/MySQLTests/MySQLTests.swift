import Glibc
import TestSupport
import Testing

/// A server for the trials that leave it as it is.
enum CommonServer {
    static let words: Shared<[String]> = Shared([])

    /// Address, port and socket of a server that is started with the first test and runs to the end of the last.
    static func start() async throws -> [String] {
        try await TestThreads.heavy.run {
            if words.value.isEmpty {
                let server = try MariaDBServer()
                words.value = [server.address, "\(server.port)", server.socket]
                keepUntilExit(server)
            }
            return words.value
        }
    }

    /// The reference that the process lets go of when it exits.
    private nonisolated(unsafe) static var kept: MariaDBServer?  // Set once, on the one thread of TestThreads.heavy.

    private static func keepUntilExit(_ server: MariaDBServer) {
        kept = server
        atexit { CommonServer.kept = nil }
    }
}

@Suite struct `MySQL client` {
    @Test(
        arguments: [
            "builder", "cachingSHA2", "callbacks", "cancellation", "decoding", "errors", "largeValues", "pool",
            "poolOfAnything", "procedures", "reconnecting", "sharedTransactions", "timeouts", "transactions", "values",
        ], loopBackends)
    func `With a server that does what it should`(_ trial: String, _ backend: String) async throws {
        try await runTrial("MySQLTrials", trial, [CommonServer.start()[0]], backend: backend)
    }

    @Test(arguments: loopBackends)
    func streamsCostNoMemory(_ backend: String) async throws {
        try await runTrial("MySQLTrials", "streams", [CommonServer.start()[0]], backend: backend)
    }

    @Test(arguments: ["login", "lookups", "hostileServers"], loopBackends)
    func `With its place`(_ trial: String, _ backend: String) async throws {
        try await runTrial("MySQLTrials", trial, CommonServer.start(), backend: backend)
    }

    @Test(arguments: loopBackends)
    func `A thousand slow statements over fifty connections`(_ backend: String) async throws {
        try await runTrial("MySQLTrials", "load", [CommonServer.start()[0], "1000"], backend: backend)
    }

    @Test(arguments: ["localhost", "other"], loopBackends)
    func `Over TLS`(_ certificate: String, _ backend: String) async throws {
        try await TestThreads.light.run {
            let certificates = TestCertificates.shared
            let server = try MariaDBServer([
                "--ssl-cert=\(certificates.certificate(certificate))", "--ssl-key=\(certificates.key(certificate))",
            ])
            let words = ["\(server.port)", certificates.file(""), certificate]
            try runTrialHere("MySQLTrials", "tls", words, backend: backend)
        }
    }

    @Test(arguments: loopBackends)
    func `A server that is killed and started anew in mid-traffic`(_ backend: String) async throws {
        try await TestThreads.light.run {
            let server = try MariaDBServer(["--innodb-flush-log-at-trx-commit=1"])
            let folder = try TemporaryFolder()
            let rounds = folder.file("rounds")
            let words = ["serverKills", "--backend", backend, server.address, rounds]
            let process = try ServerProcess("MySQLTrials", words, in: folder)
            var output: [String] = []
            var kills = 0
            while let line = try process.nextLine(within: 300) {
                output.append(line)
                guard line == "kill" else { continue }
                try server.kill()
                try server.restart()
                kills += 1
                try writeText("\(kills)", to: rounds)
            }
            let exit = try process.waitForExit()
            #expect(exit == .code(0), "\(output.joined(separator: "\n"))\n\(process.errorText)")
            #expect(kills == 3)
        }
    }
}

/// Runs a trial on this thread.
private func runTrialHere(_ program: String, _ name: String, _ words: [String], backend: String) throws {
    let folder = try TemporaryFolder()
    let process = try ServerProcess(program, [name, "--backend", backend] + words, in: folder)
    let output = try process.outputToEnd(within: 300)
    let exit = try process.waitForExit()
    #expect(exit == .code(0), "\(output)\n\(process.errorText)")
}
