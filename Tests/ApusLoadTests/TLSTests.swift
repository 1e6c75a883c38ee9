import ApusLoad
import TestSupport
import Testing

import class TestSupport.TestCertificates

@Suite(.serialized) struct `Load over TLS` {
    private static let authorities = TestCertificates.shared.certificate("localhost")

    @Test(arguments: [
        [], ["--pipeline", "16"], ["-R", "5k"], ["-t", "2"], ["-c", "1"], ["--no-keepalive"],
        ["--no-keepalive", "-R", "2k"],
    ])
    func `makes exactly as many requests as it was asked for`(_ arguments: [String]) throws {
        try withExampleServer("https") { server in
            let result = try apusLoad(
                ["-n", "307", "-c", "5", "--json", "--cacert", Self.authorities, server.url] + arguments)
            #expect(result.status == 0, "\(result.errors)")
            let report = try jsonObject(result.output)
            #expect(report["requests"] as? Int == 307)
            #expect(report["handshakes"] as? Int == report["connections_opened"] as? Int)
            #expect((report["status"] as? [String: Int])?["2xx"] == 307)
            #expect(try server.requestCount() == 307)
        }
    }

    /// Half a record is pending as long as the rest does not come.
    @Test func `ends when a server stands still within a record`() throws {
        let certificates = TestCertificates.shared
        let script = "/" + #filePath.split(separator: "/").dropLast(2).joined(separator: "/") + "/HostileTLS/server.py"
        let server = try ServerProcess(
            "/usr/bin/python3",
            [script, "stall", certificates.certificate("localhost"), certificates.key("localhost")],
            in: TemporaryFolder())
        let address = try #require(try server.nextLine())
        let result = try apusLoad(["-c", "1", "-d", "1", "--json", "--cacert", Self.authorities, "https://\(address)/"])
        #expect(try jsonObject(result.output)["requests"] as? Int == 0, "\(result)")
        #expect(try server.waitForExit() == .code(0), "\(server.errorText)")
    }

    /// A connection may be opened before the first ticket is there.
    @Test func `resumes sessions unless told otherwise`() throws {
        try withExampleServer("https") { server in
            var options = LoadOptions(url: server.url)
            options.connections = 4
            options.requests = 100
            options.keepsAlive = false
            options.tls.authoritiesFile = Self.authorities
            let resumed = try LoadRun.run(options)
            #expect(resumed.isSuccess, "\(resumed.text)")
            #expect(resumed.handshakes == 100)
            #expect((92...99).contains(resumed.resumptions))
            #expect(resumed.text.contains("TLS          100 handshakes, \(resumed.resumptions) of them resumed"))
            options.tls.resumes = false
            let whole = try LoadRun.run(options)
            #expect(whole.handshakes == 100)
            #expect(whole.resumptions == 0)
        }
    }

    @Test func `asks who the server is`() throws {
        try withExampleServer("https") { server in
            for (arguments, reason) in [
                ([], "self-signed certificate"),
                (["--cacert", Self.authorities, "--sni", "other.example"], "mismatch"),
                (["--cacert", TestCertificates.shared.certificate("other")], "self-signed certificate"),
            ] {
                let result = try apusLoad(["-n", "10", server.url] + arguments)
                #expect(result.status == 1)
                #expect(result.errors.contains(reason), "\(result.errors)")
                #expect(result.errors.split(separator: "\n").count == 1)
            }
            for arguments in [["--insecure"], ["--cacert", Self.authorities, "--sni", "localhost"]] {
                let result = try apusLoad(["-n", "10", server.url] + arguments)
                #expect(result.status == 0, "\(result.errors)")
            }
        }
    }

    /// What speaks no TLS, or says nothing, ends the run; it does not hang.
    @Test(arguments: ["HTTP/1.1 400 Bad Request\r\n\r\n", "", nil])
    func `names servers that speak no TLS`(_ words: String?) throws {
        let server = ScriptedServer { peer in
            if let words { peer.send(words) } else { peer.waitForClose() }
        }
        defer { server.stop() }
        var options = LoadOptions(url: "https://127.0.0.1:\(server.port)/")
        options.connections = 2
        options.requests = 10
        options.timeout = .milliseconds(300)
        let error = #expect(throws: LoadError.self) { try LoadRun.run(options) }
        #expect(
            "\(error!)".contains(words == nil ? "no answer in time" : words!.isEmpty ? "left" : "wrong version"),
            "\(error!)")
    }
}
