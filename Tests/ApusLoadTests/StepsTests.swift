import ApusLoad
import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct `Load in steps` {
    /// Two connections whose requests take 10 ms each: 200 a second, and no more.
    private func withSlowServer(_ body: (ScriptedServer) throws -> Void) rethrows {
        let server = ScriptedServer { peer in
            while peer.readRequest() {
                Thread.sleep(forTimeInterval: 0.01)
                peer.send(ScriptedServer.hello)
            }
        }
        defer { server.stop() }
        try body(server)
    }

    @Test func `finds the rate that is too much`() throws {
        try withSlowServer { server in
            var options = LoadOptions(url: server.url)
            options.connections = 2
            options.duration = .milliseconds(600)
            let steps = try LoadSteps.run(options, rates: [20, 2000])
            #expect(steps.reports.map(\.options.rate) == [20, 2000])
            #expect(steps.reports[0].requests == 12)
            #expect(steps.knee == 20, "\(steps.text)")
            #expect(steps.text.contains("The server kept up with 20 per second."))
            #expect(steps.reports.indices.map(steps.keptUp) == [true, false])
            let none = try LoadSteps.run(options, rates: [2000])
            #expect(none.knee == nil)
            #expect(none.text.contains("Already the first rate was too much."))
        }
    }

    @Test func `ends with the step that crosses a threshold`() throws {
        try withSlowServer { server in
            let arguments = ["-c", "2", "--step-duration", "300ms", "--steps", "20,2k,30", "--json", server.url]
            let all = try apusLoad(arguments)
            #expect(all.status == 0, "\(all.errors)")
            let report = try jsonObject(all.output)
            #expect((report["steps"] as? [[String: Any]])?.compactMap { $0["rate"] as? Double } == [20, 2000, 30])
            #expect(
                (report["steps"] as? [[String: Any]])?.compactMap { $0["kept_up"] as? Bool } == [true, false, true])
            #expect(report["knee"] as? Double == 20)
            let some = try apusLoad(["--fail-if", "rate<10", "--fail-if", "p50>100ms"] + arguments)
            #expect(some.status == 2)
            #expect((try jsonObject(some.output)["steps"] as? [Any])?.count == 2)
        }
    }

    @Test(arguments: [
        ["--steps", "1k,x"], ["--steps", ""], ["--steps", "1k,"], ["--steps", "1k", "-R", "5"],
        ["--steps", "1k", "-n", "5"], ["--steps", "1k", "--html", "/tmp/x"], ["--steps", "1k", "--pipeline", "2"],
    ])
    func `are refused with what does not go with them`(_ arguments: [String]) throws {
        let result = try apusLoad(arguments + ["http://127.0.0.1:1/"])
        #expect(result.status == 64)
        #expect(result.output.isEmpty)
    }
}
