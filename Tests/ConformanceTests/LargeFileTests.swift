import Glibc
import TestSupport
import Testing

private let head = "HTTP/1.1\r\nHost: h\r\n\r\n"

/// Large files on their way: memory, order, and what may happen meanwhile. Spec 05 §5.
@Suite struct LargeFileTests {
    @Test(arguments: Setup.all)
    func aLargeFileCostsNoMemory(_ setup: Setup) async throws {
        try await withFiles(setup, on: .heavy) { server, folder in
            let count = 100_000_000
            try folder.makeSparse("large.bin", count)
            try folder.makeSparse("medium.bin", 1_000_000)
            let client = try server.connect()
            #expect(try client.get("/medium.bin").status == 200)
            let facts = try #require(server.process.facts)
            let before = facts.residentBytes
            try client.send("GET /large.bin \(head)")
            let reply = try client.read(through: "\r\n\r\n")
            #expect(String(decoding: reply, as: UTF8.self).contains("Content-Length: \(count)\r\n"))
            var most = 0
            for _ in 0..<10 {
                try client.checkSparse(count / 10)
                most = max(most, facts.residentBytes)
            }
            #expect(most - before < 2_000_000, "\(most - before) bytes more")
            #expect(try client.get("/?small").text == "small")
            client.close()
            let closed = try server.event("close").split(separator: " ")
            #expect(try #require(Int(closed[1])) > count + 1_000_000 && closed[2] == "0")
            #expect(try #require(Int(closed[1])) < count + 1_010_000)
            #expect(server.count("full") == 0)
        }
    }

    @Test(arguments: Setup.all)
    func othersAreServedWhileASlowClientReads(_ setup: Setup) async throws {
        try await withFiles(setup) { server, folder in
            try folder.makeSparse("large.bin", 30_000_000)
            let bytes = try folder.make("other.txt", 500_000)
            let slow = try server.connect(receiveBuffer: 16384)
            try slow.send("GET /large.bin \(head)")
            _ = try slow.read(through: "\r\n\r\n")
            let client = try server.connect()
            for _ in 0..<20 {
                try slow.checkSparse(100_000)
                #expect(try client.get("/other.txt").body == bytes)
            }
            try slow.checkSparse(28_000_000)
            #expect(try slow.get("/?small").text == "small")
        }
    }

    @Test(arguments: Setup.all)
    func theNextAnswersFollowTheFile(_ setup: Setup) async throws {
        try await withFiles(setup) { server, folder in
            try folder.makeSparse("large.bin", 5_000_000)
            let bytes = try folder.make("small.txt", 5000)
            let client = try server.connect()
            let round = "GET /large.bin \(head)GET /small.txt \(head)GET /?small \(head)GET /large.bin?later \(head)"
            try client.send(round * 3)
            for _ in 0..<3 {
                let first = try client.read(through: "\r\n\r\n")
                #expect(String(decoding: first, as: UTF8.self).hasPrefix("HTTP/1.1 200 OK\r\n"))
                try client.checkSparse(5_000_000)
                #expect(try client.readReply().body == bytes)
                #expect(try client.readReply().text == "small")
                _ = try client.read(through: "\r\n\r\n")
                try client.checkSparse(5_000_000)
            }
            // One descriptor for each file that is being sent, however many are asked for.
            let facts = try #require(server.process.facts)
            let before = facts.descriptorCount
            let other = try server.connect(receiveBuffer: 16384)
            try other.send("GET /large.bin \(head)" * 100)
            #expect(other.isReadable(within: Client.patience))
            #expect(try client.get("/?small").text == "small")
            #expect(facts.descriptorCount <= before + 2)
        }
    }

    @Test(arguments: Setup.all)
    func answersThatWaitStayBeforeTheFile(_ setup: Setup) async throws {
        try await withFiles(setup) { server, folder in
            try folder.makeSparse("large.bin", 5_000_000)
            let bytes = try folder.make("page.txt", 10_000)
            let client = try server.connect(receiveBuffer: 16384)
            try client.send("GET /page.txt \(head)" * 300 + "GET /large.bin \(head)GET /?small \(head)")
            for _ in 0..<300 { #expect(try client.readReply().body == bytes) }
            _ = try client.read(through: "\r\n\r\n")
            try client.checkSparse(5_000_000)
            #expect(try client.readReply().text == "small")
        }
    }

    @Test(arguments: Setup.all)
    func bytesSentBehindAFileStayBehindIt(_ setup: Setup) async throws {
        try await withFiles(setup) { server, folder in
            try folder.makeSparse("large.bin", 700_000)
            let client = try server.connect(receiveBuffer: 4096)
            try client.send("GET /large.bin?behind \(head)")
            let pending = try server.event("pending").split(separator: " ")
            let outcome = try server.nextEvent()
            _ = try client.read(through: "\r\n\r\n")
            try client.checkSparse(700_000)
            #expect(try String(decoding: client.read(6), as: UTF8.self) == "behind")
            #expect(outcome == "behind queued" || pending[1] == "0")
            #expect(try client.get("/?small").text == "small")
        }
    }

    // MARK: Trouble

    @Test(arguments: Setup.all)
    func aResetClosesTheFile(_ setup: Setup) async throws {
        try await withFiles(setup) { server, folder in
            try folder.makeSparse("large.bin", 50_000_000)
            let facts = try #require(server.process.facts)
            #expect(try server.connect().get("/?small").text == "small")
            try server.event("close")
            let before = facts.descriptorCount
            for _ in 0..<5 {
                let client = try server.connect(receiveBuffer: 16384)
                try client.send("GET /large.bin \(head)")
                _ = try client.read(through: "\r\n\r\n")
                try client.checkSparse(200_000)
                #expect(facts.descriptorTargets.contains { $0.hasSuffix("large.bin") })
                client.reset()
                try server.event("close")
            }
            // A handler that was still at it when the client went has returned by now.
            #expect(try server.connect().get("/?small").text == "small")
            try server.event("close")
            #expect(!facts.descriptorTargets.contains { $0.hasSuffix("large.bin") })
            #expect(facts.descriptorCount == before)
        }
    }

    @Test(arguments: Setup.all)
    func aFileThatShrinksClosesTheConnection(_ setup: Setup) async throws {
        try await withFiles(setup) { server, folder in
            for behind in ["", "GET /?small \(head)"] {
                try folder.makeSparse("large.bin", 50_000_000)
                let client = try server.connect(receiveBuffer: 16384)
                try client.send("GET /large.bin \(head)" + behind)
                _ = try client.read(through: "\r\n\r\n")
                try client.checkSparse(1_000_000)
                folder.truncate("large.bin", to: 1_000_000)
                let rest = try client.readToEnd()
                #expect(rest.bytes.count < 49_000_000)
                #expect(!String(decoding: rest.bytes.suffix(100), as: UTF8.self).contains("small"))
                try server.event("error sendFailed the file became shorter")
                try server.event("close")
            }
            #expect(try server.connect().get("/?small").text == "small")
            let facts = try #require(server.process.facts)
            #expect(!facts.descriptorTargets.contains { $0.hasSuffix("large.bin") })
        }
    }

    @Test(arguments: Setup.all)
    func aFileThatGrowsIsSentAsItWas(_ setup: Setup) async throws {
        try await withFiles(setup) { server, folder in
            try folder.makeSparse("large.bin", 10_000_000)
            let client = try server.connect(receiveBuffer: 16384)
            try client.send("GET /large.bin \(head)")
            _ = try client.read(through: "\r\n\r\n")
            folder.truncate("large.bin", to: 20_000_000)
            try client.checkSparse(10_000_000)
            #expect(try client.get("/?small").text == "small")
        }
    }

    @Test(arguments: Setup.all)
    func aFileThatIsOnItsWayArrivesThoughTheServerStops(_ setup: Setup) async throws {
        try await withFiles(setup, ["--stop-timeout", "60"]) { server, folder in
            try folder.makeSparse("large.bin", 10_000_000)
            let client = try server.connect(receiveBuffer: 16384)
            try client.send("GET /large.bin \(head)")
            _ = try client.read(through: "\r\n\r\n")
            try server.leave(SIGTERM)
            try client.checkSparse(10_000_000)
            #expect(try client.readToEnd().bytes.isEmpty)
            #expect(try server.process.waitForExit() == .code(0))
        }
    }

    @Test(arguments: Setup.eachBackend)
    func aClientThatTakesNothingIsLeft(_ setup: Setup) async throws {
        try await withFiles(setup, ["--keep-alive", "1"]) { server, folder in
            try folder.makeSparse("large.bin", 50_000_000)
            let client = try server.connect(receiveBuffer: 16384)
            try client.send("GET /large.bin \(head)GET /?small \(head)")
            let closed = try server.event("close").split(separator: " ")
            #expect(try #require(Int(closed[1])) < 50_000_000)
            #expect(try client.readToEnd().bytes.count < 50_000_000)
        }
    }

    /// The time-outs are for clients that take nothing, not for those that take long.
    @Test(arguments: Setup.eachBackend, ["keep-alive", "close"])
    func aClientThatTakesAFileSlowlyIsNotLeft(_ setup: Setup, _ connection: String) async throws {
        try await withFiles(setup, ["--keep-alive", "2", "--close-timeout", "2"]) { server, folder in
            try folder.makeSparse("large.bin", 20_000_000)
            let client = try server.connect(receiveBuffer: 16384)
            try client.send("GET /large.bin HTTP/1.1\r\nHost: h\r\nConnection: \(connection)\r\n\r\n")
            _ = try client.read(through: "\r\n\r\n")
            let start = Deadline.now
            // A tenth each half second: five seconds in all.
            for part in 1...10 {
                try client.skip(2_000_000)
                while Deadline.now - start < Int64(part) * 500_000_000 { poll(nil, 0, 20) }
            }
        }
    }

    // MARK: Other clients

    @Test(arguments: Setup.backends, [false, true])
    func curlFetchesPartsAndGoesOn(_ backend: String, _ isSecured: Bool) async throws {
        guard access("/usr/bin/curl", X_OK) == 0 else { return }
        let setup = Setup(backend: backend, transport: .ipv4, isSecured: isSecured)
        try await withFiles(setup) { server, folder in
            let bytes = try folder.make("f.bin", 3_000_000)
            let target = "\(isSecured ? "https" : "http")://\(server.endpoint)/f.bin"
            for (options, range) in [
                ([], 0..<3_000_000), (["--range", "5-1000004"], 5..<1_000_005),
                (["--range", "-7"], 2_999_993..<3_000_000),
            ] {
                let output = folder.file("output")
                unlink(output)
                #expect(try curl(options + ["-o", output, target], folder) == .code(0))
                #expect(try folder.read("output") == Array(bytes[range]), "\(options)")
            }
            folder.truncate("output", to: 0)
            #expect(try curl(["--range", "0-1234567", "-o", folder.file("output"), target], folder) == .code(0))
            #expect(try curl(["-C", "-", "-o", folder.file("output"), target], folder) == .code(0))
            #expect(try folder.read("output") == bytes)
        }
    }

    private func curl(_ arguments: [String], _ folder: ServedFolder) throws -> TestSupport.ExitStatus {
        let logs = try TemporaryFolder()
        return try ServerProcess("/usr/bin/curl", ["-sSfk", "--noproxy", "*"] + arguments, in: logs).waitForExit()
    }
}

extension ServedFolder {
    fileprivate func read(_ name: String) throws -> [UInt8] {
        let fd = open(file(name), O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { throw Failure("open \(name)") }
        defer { close(fd) }
        var info = stat()
        fstat(fd, &info)
        return [UInt8](unsafeUninitializedCapacity: Int(info.st_size)) { target, count in
            count = max(0, Glibc.read(fd, target.baseAddress, target.count))
        }
    }
}
