import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct `Command line of apus load` {
    @Test func `reports as text, and into a file`() throws {
        let server = ScriptedServer { peer in
            while peer.readRequest() { peer.send(ScriptedServer.hello) }
        }
        defer { server.stop() }
        let file = FileManager.default.temporaryDirectory.appending(component: "apus-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        for count in [200, 20] {
            let result = try apusLoad("-q", "-n", "\(count)", "-c", "2", "--json", file.path, server.url)
            #expect(result.status == 0)
            #expect(result.errors.isEmpty)
            #expect(result.output.contains("Requests     \(count)   "))
            // The second report is shorter, and nothing of the first is left.
            #expect(try jsonObject(String(contentsOf: file, encoding: .utf8))["requests"] as? Int == count)
        }
    }

    @Test(arguments: [
        [], ["--cacert", "/nonexistent", "https://127.0.0.1/"], ["-d", "soon", "http://127.0.0.1/"],
        ["-n", "0", "http://127.0.0.1/"], ["-t", "3", "-c", "2", "http://127.0.0.1/"], ["--what", "http://127.0.0.1/"],
        ["-H", "no colon", "http://127.0.0.1/"], ["--body", "@/nonexistent", "http://127.0.0.1/"],
    ])
    func `ends with 64 when it is wrong`(_ arguments: [String]) throws {
        let result = try apusLoad(arguments)
        #expect(result.status == 64)
        #expect(!result.errors.isEmpty)
        #expect(result.output.isEmpty)
    }

    /// As they are typed for wrk and for ab.
    @Test func `takes what people are used to`() throws {
        let file = FileManager.default.temporaryDirectory.appending(component: "apus-\(UUID().uuidString)")
        try Data("posted".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let server = ScriptedServer { peer in
            while let head = peer.readHead() {
                let isPost = head.contains("POST / ") && head.contains("Content-Type: a/b\r\n")
                guard !isPost || peer.read(6) == Array("posted".utf8) else { return }
                peer.send(ScriptedServer.hello.replacingOccurrences(of: "200", with: isPost ? "201" : "200"))
            }
        }
        defer { server.stop() }
        let wrk = try apusLoad("-t1", "-c4", "-d200ms", "--latency", "-H", "A: b", server.url)
        #expect(wrk.status == 0, "\(wrk.errors)")
        let ab = try apusLoad("-k", "-n", "20", "-c", "2", "-p", file.path, "-T", "a/b", server.url)
        #expect(ab.status == 0, "\(ab.errors)")
        #expect(ab.output.contains("POST http://"))
        #expect(ab.output.contains("Status       2xx 20"))
        let script = try apusLoad("-s", "post.lua", server.url)
        #expect(script.status == 64)
        #expect(script.errors.contains("--body"))
    }

    @Test(arguments: ["1", "2"])
    func `ends with 1 and one line when nobody listens`(_ processes: String) throws {
        let result = try apusLoad("-t", processes, "http://127.0.0.1:\(ScriptedServer.closedPort())/")
        #expect(result.status == 1)
        #expect(result.output.isEmpty)
        #expect(result.errors.split(separator: "\n").count == 1)
        #expect(result.errors.contains("Connection refused"))
    }

    /// A name for the system, as it is no address in its usual form.
    @Test(arguments: [[], ["-t", "2"], ["--steps", "50,100", "-d", "100ms"]])
    func `looks up the name of the host`(_ arguments: [String]) throws {
        let server = ScriptedServer { peer in
            while peer.readRequest() { peer.send(ScriptedServer.hello) }
        }
        defer { server.stop() }
        let count = arguments.contains("--steps") ? [] : ["-n", "20"]
        let result = try apusLoad(count + ["-c", "2", "http://127.1:\(server.port)/"] + arguments)
        #expect(result.status == 0, "\(result.errors)")
        #expect(server.connections > 0)
        let unknown = try apusLoad(["-c", "2", "http://no-such-host.invalid/"] + arguments)
        #expect(unknown.status == 1)
        #expect(unknown.errors.hasPrefix("apus load: cannot connect to no-such-host.invalid:80: "))
        #expect(unknown.errors.split(separator: "\n").count == 1)
    }

    @Test func `ends with 1 when requests failed`() throws {
        let server = ScriptedServer { peer in
            peer.readRequest()
            peer.send("garbage")
        }
        defer { server.stop() }
        let result = try apusLoad("-n", "3", "-c", "1", "--json", server.url)
        #expect(result.status == 1)
        #expect((try jsonObject(result.output)["errors"] as? [String: Int])?["malformed"] == 3)
    }

    @Test(arguments: ["1", "2"])
    func `reports what was done until Ctrl-C`(_ processes: String) throws {
        let semaphore = DispatchSemaphore(value: 0)
        let server = ScriptedServer { peer in
            while peer.readRequest() {
                peer.send(ScriptedServer.hello)
                semaphore.signal()
            }
        }
        defer { server.stop() }
        let program = try RunningProgram(
            Products.tool, ["load", "-d", "60s", "-c", "2", "-t", processes, "--json", server.url])
        for _ in 0..<20 { semaphore.wait() }
        program.signal(SIGINT)
        let result = program.finish()
        #expect(result.status == 0)
        let report = try jsonObject(result.output)
        #expect(report["interrupted"] as? Bool == true)
        #expect(try #require(report["requests"] as? Int) >= 18)
    }

    @Test func `sends what its options say`() throws {
        let semaphore = DispatchSemaphore(value: 0)
        let received = Received()
        let server = ScriptedServer { peer in
            received.set(peer.readAll(until: "the body"))
            peer.send(ScriptedServer.hello)
            semaphore.signal()
        }
        defer { server.stop() }
        let result = try apusLoad(
            "-n", "1", "-m", "PUT", "-H", "X-One: 1", "-H", "X-Two: 2", "--body", "the body", "--no-keepalive",
            server.url + "path?query")
        semaphore.wait()
        #expect(result.status == 0)
        let text = received.text
        #expect(text.hasPrefix("PUT /path?query HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\n"))
        for line in ["X-One: 1", "X-Two: 2", "Connection: close", "Content-Length: 8"] {
            #expect(text.contains("\r\n\(line)\r\n"), "\(line)")
        }
        #expect(text.hasSuffix("\r\n\r\nthe body"))
    }

    private static let topics = [
        "overview", "load", "requests", "connections", "protocols", "checks", "output", "json", "latency", "compare",
        "hosts", "habits",
    ]

    @Test func `explains each topic on a screen of its own`() throws {
        for (arguments, topic) in [["--help"], ["-h"], ["--help", "overview"]].map({ ($0, "overview") })
            + Self.topics.map({ (["--help", $0], $0) })
        {
            let help = try apusLoad(arguments)
            #expect(help.status == 0, "\(help.errors)")
            let lines = help.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            // With the command above them, and the prompt below.
            #expect((10...23).contains(lines.count), "\(topic): \(lines.count) lines")
            #expect(lines.allSatisfy { $0.count <= 80 }, "\(topic): \(lines.filter { $0.count > 80 })")
        }
        let nothing = try apusLoad("--help", "nothing")
        #expect(nothing.status == 64)
        #expect(Self.topics.allSatisfy { nothing.errors.contains($0) }, "\(nothing.errors)")
        let overview = try apusLoad("--help").output
        #expect(Self.topics.dropFirst().allSatisfy { overview.contains(" \($0) ") })
    }

    /// What the parser takes, as it says itself.
    private static func optionNames() throws -> Set<String> {
        let dump = try RunningProgram(Products.tool, ["--experimental-dump-help"]).finish().output
        let command = try #require(jsonObject(dump)["command"] as? [String: Any])
        let load = try #require(
            (command["subcommands"] as? [[String: Any]])?.first { $0["commandName"] as? String == "load" })
        let names = (load["arguments"] as? [[String: Any]] ?? []).flatMap { $0["names"] as? [[String: String]] ?? [] }
        return Set(names.compactMap { name in name["name"].map { ($0.count == 1 ? "-" : "--") + $0 } })
    }

    @Test func `explains every option, and no other`() throws {
        let words = try Self.topics.map { try apusLoad("--help", $0).output }.joined()
            .split { !($0.isLetter || $0.isNumber || $0 == "-") }.map(String.init)
        // With its value, as in -t4.
        let mentioned = Set(words.filter { $0.hasPrefix("-") && $0 != "-" })
        let known = try Self.optionNames()
        #expect(known.count > 40)
        // "--version" is of all commands; jq, sh and other tools have no options here.
        #expect(known.subtracting(mentioned).subtracting(["--version"]) == [])
        let unknown = mentioned.subtracting(known).filter { name in
            !(name.dropFirst(2).allSatisfy { $0.isNumber || "smk".contains($0) } && known.contains("\(name.prefix(2))"))
        }
        // As other tools have them, and the agent.
        #expect(unknown.subtracting(["-z", "-hex", "--listen"]) == [])
    }

    @Test func `takes what people type for ab`() throws {
        try withExampleServer { server in
            let folder = try TemporaryFolder()
            let result = try apusLoad("-n", "200", "-c", "4", "-k", "-e", folder.file("percent.csv"), server.url)
            #expect(result.status == 0, "\(result.errors)")
            let lines = folder.text("percent.csv").split(separator: "\n")
            #expect(lines.count == 101)
            #expect(lines[0] == "Percentage served,Time in ms")
            let times = lines.dropFirst().compactMap { Double($0.split(separator: ",")[1]) }
            #expect(times == times.sorted() && times[0] > 0)
            let refused = try apusLoad("-g", folder.file("x"), server.url)
            #expect(refused.status == 64)
            #expect(refused.errors.contains("--csv"))
        }
    }

    @Test func `says which version it is`() throws {
        let version = try RunningProgram(Products.tool, ["--version"]).finish()
        #expect(version.status == 0)
        #expect(version.output.split(separator: ".").count == 3)
    }
}
