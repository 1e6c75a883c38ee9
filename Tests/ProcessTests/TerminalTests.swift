import Glibc
import TestSupport
import Testing

/// What an operator sees at a terminal: spec 01 §3, §5, §13 and §18.1.
@Suite struct TerminalTests {
    @Test(arguments: backends)
    func aDaemonSurvivesItsTerminal(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.example(backend)
            let terminal = try PseudoTerminal("Examples", service.commandLine("start", "-d"))
            #expect(try terminal.waitForExit() == .code(0))
            #expect(terminal.text.contains("Start success"))
            let master = try #require(service.pidInFile.flatMap { ProcessFacts($0) })
            defer { _ = try? service.run("stop") }
            terminal.close()
            #expect(master.commandLine.hasPrefix("Apus: master process  start_file=/"))
            let workers = master.children
            #expect(workers.count == 2)
            for worker in workers {
                // Whole, although the command line was shorter.
                let title = worker.commandLine.split(separator: " ").prefix(4).joined(separator: " ")
                #expect(title.hasPrefix("Apus: worker process AllProtocols"), "\(worker.commandLine)")
            }
            #expect(try service.run("status").status == .code(0))
            #expect(master.isRunning && workers.allSatisfy { $0.isRunning })
        }
    }

    @Test(arguments: backends)
    func aServiceInTheForegroundEndsWithItsTerminal(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.example(backend)
            for way in ["close", "Ctrl-C"] {
                let isPlain = way == "close"
                let terminal = try PseudoTerminal(
                    "Examples", service.commandLine("start"), environment: isPlain ? ["NO_COLOR=1"] : [])
                #expect(eventually { terminal.text.contains("Start success") }, "\(terminal.text)")
                #expect(terminal.text.contains("\u{1B}[32;40m [OK] \u{1B}[0m") != isPlain)
                let workers = try #require(ProcessFacts(terminal.pid)).children
                if way == "close" { terminal.close() } else { terminal.type("\u{3}") }
                #expect(eventually { ProcessFacts(terminal.pid) == nil })
                #expect(workers.allSatisfy { !$0.isRunning })
                #expect(service.pidInFile == nil)
            }
        }
    }

    /// `status -d`: the table in place, readable in 80 columns.
    @Test(arguments: backends)
    func theLiveStatusFitsTheTerminal(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try Service.example(backend)
            let (_, endpoint) = try service.startDaemon()
            defer { _ = try? service.run("stop") }
            let load = RequestStream(endpoint, threads: 1)
            let terminal = try PseudoTerminal("Examples", service.commandLine("status", "-d"), columns: 80)
            #expect(eventually { terminal.text.ranges(of: "Press Ctrl+C to quit.").count >= 3 })
            _ = try load.finish()
            terminal.type("\u{3}")
            #expect(try terminal.waitForExit() == .code(0))
            let text = terminal.text
            // Cleared once, then drawn over.
            #expect(text.components(of: "\u{1B}[2J") == 1)
            #expect(text.components(of: "\u{1B}[H") >= 3)
            let lines = text.replacing("\u{1B}[2J", with: "").replacing("\u{1B}[H", with: "")
                .replacing("\u{1B}[J", with: "\n").replacing("\u{1B}[K", with: "").split { $0.isNewline }
            for line in lines { #expect(line.count <= 80, "\(line)") }
            #expect(lines.contains { $0.contains("requests     qps status") }, "\(text)")
            // The rate is known from the second look on.
            let sums = lines.filter { $0.hasPrefix("Summary") }
            let rates = sums.compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
            #expect(rates.contains { $0 > 0 }, "\(sums)")
        }
    }

    @Test func aWideTerminalGetsTheWholeTable() async throws {
        try await TestThreads.light.run {
            let service = try Service.example("epoll")
            _ = try service.startDaemon()
            defer { _ = try? service.run("stop") }
            let terminal = try PseudoTerminal("Examples", service.commandLine("status", "-d"), columns: 132)
            #expect(eventually { terminal.text.contains("total_request") })
            #expect(try service.run("stop").status == .code(0))
            // Nobody to ask any more.
            #expect(try terminal.waitForExit() == .code(1))
        }
    }
}

extension String {
    /// How often `part` stands in it.
    fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}
