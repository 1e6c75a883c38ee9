import Glibc
import TestSupport
import Testing

/// What `apus new` makes compiles, passes its own tests, and is a service like others. The tests of the templates say
/// the rest.
@Suite(.serialized) struct GeneratedProjectTests {
    @Test(arguments: [
        ("my-shop", "MyShopKit", "http", 6), ("Chat2", "Chat2Kit", "websocket", 9), ("meter", "MeterKit", "tcp", 13),
        ("visits", "VisitsKit", "full", 8),
    ])
    func worksAsItIs(_ name: String, _ module: String, _ template: String, _ least: Int) async throws {
        try await TestThreads.heavy.run {
            let project = try GeneratedProject(name, module, template: template)
            try project.build()
            for backend in backends {
                let (status, report) = try project.test(backend)
                #expect(status == .code(0), "\(backend): \(report)")
                let count = report.firstMatch(of: /Test run with (\d+) tests/).flatMap { Int($0.output.1) }
                #expect(count ?? 0 >= least, "\(report)")
                try isService(project, backend)
            }
            try saysWhatItDoesNotUnderstand(project)
        }
    }

    /// It starts in the background, is reloaded, says that it runs, and stops, as its README says.
    private func isService(_ project: GeneratedProject, _ backend: String) throws {
        // Settings may stand in front of the command, too.
        let service = try Service(project.program, "--workers=1", backend, ["--listen", "127.0.0.1:0"])
        let (master, endpoint) = try service.startDaemon()
        let worker = try #require(master.children.first)
        #expect(try service.run("reload").status == .code(0))
        try waitFor("another worker") { !worker.isRunning && master.children.count == 1 ? () : nil }
        _ = try Client(endpoint)
        #expect(try service.run("status").status == .code(0))
        #expect(try service.run("stop").status == .code(0))
        #expect(try service.run("status").status == .code(1))
    }

    private func saysWhatItDoesNotUnderstand(_ project: GeneratedProject) throws {
        let own = try TemporaryFolder()
        let process = try ServerProcess(project.program, ["start", "--workers", "none"], in: own)
        #expect(try process.waitForExit() == .code(64))
        #expect(process.errorText.hasSuffix(": workers: none is no number from 1 to 1000\n"))
    }
}
