import Glibc
import TestSupport
import Testing

/// TLS as other programs see it, and the files it is made of: spec 03 §10 and 05 §10. What connections do over it, the
/// conformance suite tests.
@Suite struct TLSTests {
    private let certificates = TestCertificates.shared

    private func service(
        _ backend: String, count: Int = 2, _ options: [String] = [], in folder: TemporaryFolder? = nil
    ) throws -> Service {
        try Service.conformance(
            backend, count: count,
            ["--cert", certificates.certificate("localhost"), "--key", certificates.key("localhost")] + options,
            in: folder)
    }

    private func port(_ endpoint: Endpoint) throws -> UInt16 {
        guard case .ipv4(let port) = endpoint else { throw Failure("not an IPv4 endpoint") }
        return port
    }

    /// Runs a program to its end; returns its exit status, output and errors.
    private func run(_ program: String, _ arguments: [String]) throws -> (status: TestSupport.ExitStatus, text: String)
    {
        let folder = try TemporaryFolder()
        let process = try ServerProcess("/usr/bin/" + program, arguments, in: folder)
        let output = try process.outputToEnd()
        return (try process.waitForExit(), output + process.errorText)
    }

    private func curl(
        _ endpoint: Endpoint, _ path: String = "/", _ options: String...
    ) throws -> (TestSupport.ExitStatus, String) {
        try run(
            "curl",
            ["-sS", "--max-time", "10", "--cacert", certificates.certificate("localhost")] + options
                + ["https://localhost:\(port(endpoint))\(path)"])
    }

    /// A script for `openssl s_client`: sends a request that asks for the connection to end, and prints everything.
    private func client(_ endpoint: Endpoint, _ path: String, _ options: String) throws -> String {
        let request = #"GET \#(path) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"#
        let command = try
            "printf '\(request)' | timeout 10 openssl s_client -ign_eof -connect 127.0.0.1:\(port(endpoint)) \(options)"
        let folder = try TemporaryFolder()
        let process = try ServerProcess("/bin/sh", ["-c", command], in: folder)
        let output = try process.outputToEnd()
        _ = try process.waitForExit()
        return output + process.errorText
    }

    @Test(arguments: backends)
    func curlVerifiesAndIsServed(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try service(backend)
            let (master, endpoint) = try service.start()
            let first = try curl(endpoint, "/", "-v")
            #expect(first.0 == .code(0))
            #expect(first.1.contains("Hello, World!") && first.1.contains("server accepted http/1.1"), "\(first.1)")
            // More than the kernel takes at once, both ways.
            let folder = try TemporaryFolder()
            try writeText(String(repeating: "0123456789abcdef", count: 300_000), to: folder.file("body"))
            let echo = try curl(
                endpoint, "/echo", "--data-binary", "@\(folder.file("body"))", "-o", folder.file("echo"))
            #expect(echo.0 == .code(0))
            #expect(readText(folder.file("body")) == readText(folder.file("echo")))
            let open = try Client(endpoint, isSecured: true)
            #expect(try open.get("/").status == 200)
            #expect(try service.run("connections").output.contains(" ssl     http "))
            #expect(try master.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func oldVersionsAndOtherProtocolsAreRefused(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try service(backend, ["--tls13", "1"])
            let (_, endpoint) = try service.start()
            #expect(try curl(endpoint, "/", "--tls-max", "1.2").0 != .code(0))
            #expect(eventually { service.log.contains("unsupported protocol: the client speaks only versions older") })
            #expect(try curl(endpoint).0 == .code(0))
            let usual = try self.service(backend)
            let (_, other) = try usual.start()
            #expect(try client(other, "/", "-tls1_2").contains("Hello, World!"))
            #expect(try !client(other, "/", "-tls1_1 -cipher ALL:@SECLEVEL=0").contains("Hello, World!"))
            #expect(try !client(other, "/", "-alpn h2").contains("Hello, World!"))
        }
    }

    /// What is agreed on when both sides leave it at their defaults, and what a client alone cannot bring about.
    @Test(arguments: backends)
    func ciphersHaveForwardSecrecy(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try service(backend)
            let (_, endpoint) = try service.start()
            for (options, cipher) in [
                ("-tls1_3", "TLS_AES_128_GCM_SHA256"),
                (
                    "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
                    "TLS_CHACHA20_POLY1305_SHA256"
                ),
                ("-tls1_2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
                ("-tls1_2 -cipher ALL", "ECDHE-ECDSA-AES128-GCM-SHA256"),
            ] {
                let text = try client(endpoint, "/", options)
                #expect(text.contains("Cipher is \(cipher)") && text.contains("Hello, World!"), "\(options): \(text)")
            }
            for options in ["-tls1_2 -cipher ECDHE+SHA1:@SECLEVEL=0", "-tls1_2 -cipher kRSA:DHE:@SECLEVEL=0"] {
                let text = try client(endpoint, "/", options)
                #expect(text.contains("handshake failure") && !text.contains("Hello, World!"), "\(options): \(text)")
            }
        }
    }

    /// Each way of speaking to the wrong port gives one line that says so.
    @Test(arguments: backends)
    func theWrongProtocolIsNamed(_ backend: String) async throws {
        try await TestThreads.light.run {
            for (bytes, hint) in [
                ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", "the client speaks plain HTTP on a TLS port"),
                ("hello, this is no TLS\r\n", "the client does not speak TLS on this port"),
            ] {
                let service = try service(backend, count: 1)
                let (_, endpoint) = try service.start()
                let plain = try Client(endpoint)
                try plain.send(bytes)
                _ = try plain.readToEnd()
                #expect(eventually { service.log.contains(hint) }, "\(service.log)")
                #expect(service.log.split(separator: "\n").count { $0.contains("TLS handshake") } == 1)
                #expect(try curl(endpoint).0 == .code(0))
            }
            // The reverse: TLS on a plain port.
            let plain = try Service.conformance(backend, count: 1)
            let (_, endpoint) = try plain.start()
            #expect(try curl(endpoint).0 != .code(0))
        }
    }

    @Test(arguments: backends)
    func clientsGetTheCertificateThatTheyAskFor(_ backend: String) async throws {
        try await TestThreads.light.run {
            for (name, file, hosts) in [
                ("other.example", "other", ["other.example"]), ("*.wild.example", "wild", ["a.wild.example"]),
            ] {
                let service = try service(backend, count: 1, ["--sni", "\(name)=\(certificates.both(file))"])
                let (_, endpoint) = try service.start()
                for host in hosts {
                    let outcome = try run(
                        "curl",
                        [
                            "-sS", "--max-time", "10", "--cacert", certificates.certificate(file), "--connect-to",
                            "\(host):443:127.0.0.1:\(port(endpoint))", "https://\(host)/",
                        ])
                    #expect(outcome.text == "Hello, World!")
                }
                #expect(try curl(endpoint).1 == "Hello, World!")
                let wrong = try run(
                    "curl",
                    [
                        "-sS", "--cacert", certificates.certificate("localhost"), "--connect-to",
                        "else.example:443:127.0.0.1:\(port(endpoint))", "https://else.example/",
                    ])
                #expect(wrong.status != .code(0))
            }
        }
    }

    @Test(arguments: backends)
    func clientsHaveToShowACertificateWhereOneIsAsked(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try service(backend, count: 1, ["--client-ca", certificates.certificate("other")])
            let (_, endpoint) = try service.start()
            #expect(try curl(endpoint).1.contains("Hello") == false)
            #expect(eventually { service.log.contains("a client certificate is required") }, "\(service.log)")
            let own = ["--cert", certificates.certificate("other"), "--key", certificates.key("other")]
            #expect(try curl(endpoint, "/", own[0], own[1], own[2], own[3]).1 == "Hello, World!")
            let foreign = ["--cert", certificates.certificate("wild"), "--key", certificates.key("wild")]
            #expect(try curl(endpoint, "/", foreign[0], foreign[1], foreign[2], foreign[3]).0 != .code(0))
        }
    }

    /// Sessions begun with one process are resumed by the others, and by those that a reload starts.
    @Test(arguments: backends, ["-tls1_3", "-tls1_2"])
    func sessionsAreResumedByEveryProcess(_ backend: String, _ version: String) async throws {
        try await TestThreads.light.run {
            let service = try service(backend, ["--reuse-port", "1"])
            let (master, endpoint) = try service.start()
            let session = service.folder.file("session")
            #expect(try client(endpoint, "/id", "\(version) -sess_out \(session)").contains("New, TLS"))
            var processes: Set<String> = []
            let deadline = Deadline(20)
            while processes.count < 2, !deadline.isPast {
                let text = try client(endpoint, "/id", "\(version) -sess_in \(session)")
                #expect(text.contains("Reused, TLS"), "\(text)")
                for line in text.split(whereSeparator: \.isNewline) {
                    if let pid = master.children.first(where: { line.contains("\($0.pid)") }) {
                        processes.insert("\(pid.pid)")
                    }
                }
            }
            #expect(processes.count == 2)
            let old = master.children
            #expect(try service.run("reload").status == .code(0))
            #expect(eventually { service.log.contains("] reloaded") && old.allSatisfy { !$0.isRunning } })
            #expect(try client(endpoint, "/id", "\(version) -sess_in \(session)").contains("Reused, TLS"))
        }
    }

    @Test func filesThatCannotBeUsedKeepItFromStarting() async throws {
        try await TestThreads.light.run {
            try writeText("no certificate", to: certificates.file("garbage.pem"))
            let cases: [(options: [String], words: [String])] = [
                (["--cert", "/no/such.pem"], ["certificate /no/such.pem", "No such file or directory"]),
                (["--cert", certificates.file("garbage.pem")], ["garbage.pem", "no start line"]),
                (
                    ["--cert", certificates.certificate("localhost"), "--key", "/no/such.key"],
                    ["private key /no/such.key", "No such file"]
                ),
                (
                    ["--cert", certificates.certificate("localhost"), "--key", certificates.key("other")],
                    ["does not belong to certificate", "localhost.pem"]
                ),
                (
                    ["--cert", certificates.both("localhost"), "--client-ca", "/no/such-ca.pem"],
                    ["authorities /no/such-ca.pem", "No such file"]
                ),
                (["--cert", certificates.both("localhost"), "--ocsp", "/no/ocsp"], ["OCSP response /no/ocsp"]),
            ]
            for trouble in cases {
                let service = try Service.conformance("epoll", trouble.options)
                let outcome = try service.run("start")
                #expect(outcome.status == .code(1), "\(trouble.options)")
                #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
                for word in trouble.words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
            }
            let expired = try Service.conformance("epoll", ["--cert", certificates.both("expired")])
            _ = try expired.start()
            #expect(expired.log.contains("has expired"), "\(expired.log)")
        }
    }

    /// A reload presents what the files hold now; files that are broken then change nothing.
    @Test(arguments: backends, [false, true])
    func aReloadReadsTheCertificatesAgain(_ backend: String, _ stays: Bool) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let file = folder.file("identity.pem")
            try writeText(readText(certificates.both("other"))!, to: file)
            let service = try Service.conformance(
                backend, count: 1, ["--cert", file] + (stays ? ["--stay", "1"] : []), in: folder)
            let (master, endpoint) = try service.start()
            let worker = try #require(master.children.first)
            #expect(try curl(endpoint).0 != .code(0))
            try writeText(readText(certificates.both("localhost"))!, to: file)
            #expect(try service.run("reload").status == .code(0))
            #expect(try waitFor("the new certificate") { try curl(endpoint).1 == "Hello, World!" ? true : nil })
            #expect(stays ? worker.isRunning : eventually { !worker.isRunning })
            try writeText("broken", to: file)
            #expect(try service.run("reload").status == .code(0))
            #expect(eventually { service.log.contains("reload given up: the new program cannot serve: worker") })
            #expect(try curl(endpoint).1 == "Hello, World!")
            #expect(try master.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func anEncryptedKeyIsOpenedWithItsPassphrase(_ backend: String) async throws {
        try await TestThreads.light.run {
            let key = certificates.file("\(backend).encrypted.pem")
            #expect(
                certificates.run(
                    "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:secret", "-in",
                    certificates.key("localhost"), "-out", key))
            let files = ["--cert", certificates.certificate("localhost"), "--key", key]
            let service = try Service.conformance(backend, count: 1, files + ["--passphrase", "secret"])
            let (_, endpoint) = try service.start()
            #expect(try curl(endpoint).1 == "Hello, World!")
            for passphrase in [[], ["--passphrase", "wrong"]] {
                let other = try Service.conformance(backend, count: 1, files + passphrase)
                // It does not ask at the terminal.
                let outcome = try other.run("start")
                #expect(outcome.status == .code(1) && outcome.errors.contains("private key \(key)"))
            }
        }
    }

    /// A client that does not finish its handshake is let go.
    @Test(arguments: backends)
    func aHandshakeHasAnEnd(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try service(backend, count: 1)
            let (_, endpoint) = try service.start()
            let silent = try Client(endpoint)
            // The beginning of a ClientHello.
            try silent.send([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])
            #expect(try silent.readToEnd().bytes.isEmpty)
        }
    }

    @Test func theExampleServesHTTPS() async throws {
        try await TestThreads.light.run {
            let sni = "other.example=\(certificates.certificate("other")),\(certificates.key("other"))"
            let service = try Service(
                "Examples", "AllProtocols", "libevent",
                [
                    "--https", "127.0.0.1:0", "--cert", certificates.certificate("localhost"), "--key",
                    certificates.key("localhost"), "--sni", sni,
                ])
            let (master, endpoint) = try service.start()
            #expect(try curl(endpoint).1 == "Hello, World!")
            #expect(try master.stop() == .code(0))
        }
    }

    /// A session that was begun before a reload goes on with what it was begun with.
    @Test(arguments: backends)
    func aReloadInTheMiddleOfAHandshake(_ backend: String) async throws {
        try await TestThreads.light.run {
            let service = try service(
                backend, count: 1, ["--stay", "1", "--sni", "other.example=\(certificates.both("other"))"])
            let (master, endpoint) = try service.start()
            let worker = try #require(master.children.first)
            let hello = try Client.tlsHello()
            #expect(hello.count > 200)
            let slow = try (0..<20).map { _ in try Client(endpoint) }
            for client in slow { try client.send(Array(hello[..<100])) }
            #expect(try curl(endpoint).0 == .code(0))
            #expect(try service.run("reload").status == .code(0))
            #expect(eventually { service.log.contains("] reloaded") })
            #expect(try curl(endpoint).0 == .code(0))
            for client in slow {
                try client.send(Array(hello[100...]))
                // A handshake record.
                #expect(try client.read(1) == [0x16])
            }
            #expect(worker.isRunning)
        }
    }

    /// A ticket does not stand in for a certificate that the rules of today do not accept.
    @Test(arguments: backends, ["-tls1_3", "-tls1_2"])
    func aTicketIsNoCertificate(_ backend: String, _ version: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let authorities = folder.file("ca.pem")
            try writeText(readText(certificates.certificate("other"))!, to: authorities)
            let service = try service(backend, count: 1, ["--client-ca", authorities], in: folder)
            let (master, endpoint) = try service.start()
            let session = folder.file("session")
            let own = "\(version) -cert \(certificates.certificate("other")) -key \(certificates.key("other"))"
            #expect(try client(endpoint, "/", "\(own) -sess_out \(session)").contains("Hello, World!"))
            let again = try client(endpoint, "/", "\(own) -sess_in \(session)")
            #expect(again.contains("Hello, World!") && again.contains("Reused, TLS"))
            try writeText(readText(certificates.certificate("wild"))!, to: authorities)
            let worker = try #require(master.children.first)
            #expect(try service.run("reload").status == .code(0))
            #expect(eventually { !worker.isRunning && master.children.count == 1 })
            #expect(try !client(endpoint, "/", "\(own) -sess_in \(session)").contains("Hello, World!"))
        }
    }
}
