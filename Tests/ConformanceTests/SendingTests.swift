import Glibc
import TestSupport
import Testing

/// What `send` answers, and its limits: spec 03 §6, §14 and the send-buffer traces of §17.
@Suite struct SendingTests {
    /// A connection whose kernel buffers are full, so that nothing leaves before the client reads `filled` bytes.
    private func fullConnection(_ server: ScenarioServer, limit: Int?) throws -> (client: Client, filled: Int) {
        let client = try server.connect(receiveBuffer: 4096)
        try server.event("connect")
        try server.tell("squeeze")
        if let limit { try server.tell("limit \(limit)") }
        let filled = try #require(Int(try server.tell("fill")))
        return (client, filled)
    }

    /// Who answers a failure with a message makes the next failure: that is not reported within the first.
    @Test(arguments: Setup.eachBackend)
    func aMessageAboutAFailureThatFailsEndsThere(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            let client = try server.connect()
            try server.event("connect 1")
            try server.tell("limit 1")
            try server.tell("squeeze")
            try server.tell("fill")
            #expect(try server.tell("send 100").hasPrefix("queued"))
            try server.tell("on error: send 100")
            #expect(try server.tell("send 100").hasPrefix("failed"))
            #expect(try server.tell("send 100").hasPrefix("failed"))
            #expect(server.count("error") <= 2)
            client.close()
            try server.event("close 1")
            #expect(server.count("error") == 2, "\(server.events)")
        }
    }

    @Test(arguments: Setup.plain, ["raw", "text", "frame"])
    func theBufferFillsAsTheTraceSays(_ setup: Setup, _ wireProtocol: String) async throws {
        try await withPuppet(wireProtocol, setup) { server in
            let (client, filled) = try fullConnection(server, limit: 100)
            #expect(try server.tell("send 60") == "queued 60")
            #expect(try server.tell("send 60") == "queued 120")
            #expect(try server.nextEvent() == "full 120")
            #expect(try server.tell("send 5") == "failed 120")
            #expect(try server.nextEvent() == "error 2 send buffer full and drop package")
            #expect(try server.tell("raw x") == "failed 120")
            #expect(try server.nextEvent() == "error 2 send buffer full and drop package")
            #expect(try server.tell("state") == "established open=true")
            try client.skip(filled + 120)
            #expect(try server.nextEvent() == "drain 0")
            #expect(try server.tell("send 5") == "sent 0")
            #expect(try client.read(5).count == 5)
            try server.finish()
            #expect(server.count("full") == 1 && server.count("drain") == 1 && server.count("error") == 2)
        }
    }

    /// A limit and callbacks of one connection are no other's.
    @Test(arguments: Setup.plain)
    func oneConnectionMayHaveALimitAndCallbacksOfItsOwn(_ setup: Setup) async throws {
        try await withPuppet("raw", setup) { server in
            let (own, filled) = try fullConnection(server, limit: 100)
            try server.tell("own-buffer-callbacks")
            #expect(try server.tell("send 120") == "queued 120")
            #expect(try server.nextEvent() == "own full 120")
            #expect(try server.tell("send 5") == "failed 120")
            #expect(try server.nextEvent() == "error 2 send buffer full and drop package")
            try own.skip(filled + 120)
            #expect(try server.nextEvent() == "own drain 0")
            let (other, otherFilled) = try fullConnection(server, limit: 1000)
            #expect(try server.tell("send 120") == "queued 120")
            #expect(try server.tell("send 900") == "queued 1020")
            #expect(try server.nextEvent() == "full 1020")
            try other.skip(otherFilled + 1020)
            #expect(try server.nextEvent() == "drain 0")
            // Who comes later has what the worker says, 1 MiB here.
            let (third, thirdFilled) = try fullConnection(server, limit: nil)
            #expect(try server.tell("send 1000000") == "queued 1000000")
            try third.skip(thirdFilled + 1_000_000)
            #expect(try server.nextEvent() == "drain 0")
        }
    }

    /// The middle of the trace, where the peer reads a part, with sizes that a kernel can show.
    @Test(arguments: Setup.plain)
    func aPartialDrainMakesRoomForOneMessageOfAnySize(_ setup: Setup) async throws {
        try await withPuppet("raw", setup) { server in
            let (client, filled) = try fullConnection(server, limit: 1_000_000)
            #expect(try server.tell("send 600000") == "queued 600000")
            #expect(try server.tell("send 600000") == "queued 1200000")
            #expect(try server.nextEvent() == "full 1200000")
            #expect(try server.tell("send 1") == "failed 1200000")
            #expect(try server.nextEvent().hasPrefix("error 2"))
            var read = 0
            var pending = 1_200_000
            while pending >= 1_000_000 {
                try client.skip(20_000)
                read += 20_000
                pending = try pendingBytes(server)
            }
            #expect(pending > 0)
            let answer = try server.tell("send 5000000").split(separator: " ")
            #expect(answer[0] == "queued")
            #expect(Int(answer[1])! > 5_000_000)
            #expect(try server.nextEvent().hasPrefix("full 5"))
            #expect(try server.tell("close") == "done")
            #expect(try server.tell("state") == "closing open=false")
            #expect(try server.tell("send 1").hasPrefix("failed"))
            try client.skip(filled + 6_200_000 - read)
            #expect(try client.readToEnd().bytes.isEmpty)
            #expect(try server.nextEvents(2) == ["drain 0", "close 1"])
            try server.finish()
            #expect(server.count("error") == 1)
        }
    }

    private func pendingBytes(_ server: ScenarioServer) throws -> Int {
        let counters = try server.tell("counters")
        return try #require(counters.split(separator: "=").last.flatMap { Int($0) })
    }

    @Test(arguments: Setup.plain)
    func whatTheKernelDoesNotTakeIsQueued(_ setup: Setup) async throws {
        try await withPuppet("raw", setup) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try server.event("connect")
            try server.tell("squeeze")
            try server.tell("limit 100")
            let answer = try server.tell("send 2000000").split(separator: " ")
            #expect(answer[0] == "queued")
            let pending = try #require(Int(answer[1]))
            #expect(pending > 0 && pending < 2_000_000)
            #expect(try server.nextEvent() == "full \(pending)")
            // The kernel may have found room for a little more by now. What libevent has just written is counted a
            // moment later.
            let isWhole = try eventually {
                let counters = try server.tell("counters").split(separator: " ").map {
                    $0.drop { $0 != "=" }.dropFirst()
                }
                let (written, left) = try (#require(Int(counters[1])), #require(Int(counters[2])))
                return counters[0] == "0" && written + left == 2_000_000 && left <= pending
            }
            #expect(isWhole)
            try client.skip(2_000_000)
            #expect(try server.nextEvent() == "drain 0")
            #expect(try server.tell("counters") == "read=0 written=2000000 pending=0")
        }
    }

    @Test(arguments: Setup.plain)
    func progressIsCounted(_ setup: Setup) async throws {
        try await withPuppet("raw", setup) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try server.event("connect")
            try server.tell("squeeze")
            try server.tell("send 2000000")
            try client.skip(500_000)
            // All that has left the queue has been written, while more waits, too.
            let counters = try server.tell("counters")
            let numbers = counters.split { !$0.isNumber }.compactMap { Int($0) }
            #expect(numbers[1] + numbers[2] == 2_000_000, "\(counters)")
            #expect(numbers[1] >= 500_000, "\(counters)")
        }
    }

    // MARK: Re-entrancy

    @Test(arguments: Setup.plain)
    func onBufferFullRunsWithinSend(_ setup: Setup) async throws {
        try await withPuppet("raw", setup) { server in
            let (client, filled) = try fullConnection(server, limit: 100)
            try server.tell("once full: send 10; state")
            #expect(try server.tell("send 150") == "queued 150")
            #expect(
                try server.nextEvents(4)
                    == [
                        "full 150", "error 2 send buffer full and drop package", "send 10: failed 150",
                        "state: established open=true",
                    ])
            try client.skip(filled + 150)
            #expect(try server.nextEvent() == "drain 0")
        }
    }

    @Test(arguments: Setup.plain, ["full", "error"])
    func destroyingWithinACallbackOfSendIsSafe(_ setup: Setup, _ callback: String) async throws {
        try await withPuppet("raw", setup) { server in
            let (client, filled) = try fullConnection(server, limit: 100)
            if callback == "error" { #expect(try server.tell("send 150") == "queued 150") }
            try server.tell("on \(callback): destroy; send 5")
            #expect(try server.tell("send 150") == "failed 0")
            try server.event("close 1")
            try server.event("destroy: done")
            #expect(try server.nextEvent() == "send 5: failed 0")
            #expect(try client.readToEnd().bytes.count <= filled)
        }
    }

    @Test(arguments: Setup.plain)
    func closingWithinOnBufferFullStillSends(_ setup: Setup) async throws {
        try await withPuppet("raw", setup) { server in
            let (client, filled) = try fullConnection(server, limit: 100)
            try server.tell("on full: close; state")
            #expect(try server.tell("send 150") == "queued 150")
            try server.event("state: closing open=false")
            try client.skip(filled + 150)
            #expect(try client.readToEnd().bytes.isEmpty)
            #expect(try server.nextEvents(2) == ["drain 0", "close 1"])
        }
    }

    @Test(arguments: Setup.plain)
    func throwingWithinOnBufferFullEndsTheConnection(_ setup: Setup) async throws {
        try await withPuppet("raw", setup) { server in
            let (client, _) = try fullConnection(server, limit: 100)
            try server.tell("on full: throw")
            #expect(try server.tell("send 150") == "failed 0")
            try server.event("close 1")
            _ = try client.readToEnd()
        }
    }

    @Test(arguments: Setup.plain, ["close", "destroy", "end", "throw"])
    func endingWithinOnBufferDrain(_ setup: Setup, _ way: String) async throws {
        try await withPuppet("raw", setup) { server in
            let (client, filled) = try fullConnection(server, limit: 100)
            try server.tell("on drain: \(way)")
            #expect(try server.tell("send 150") == "queued 150")
            try client.skip(filled + 150)
            #expect(try client.readToEnd().bytes.isEmpty)
            client.close()
            try server.event("close 1")
            try server.finish()
            #expect(server.count("close 1") == 1)
        }
    }

    @Test(arguments: Setup.plain)
    func sendingWithinOnBufferDrain(_ setup: Setup) async throws {
        try await withPuppet("raw", setup) { server in
            let (client, filled) = try fullConnection(server, limit: 100)
            try server.tell("once drain: send 10; send 3000000; send 10")
            #expect(try server.tell("send 150") == "queued 150")
            try client.skip(filled + 150 + 10 + 3_000_000)
            try server.event("send 10: sent 0")
            try server.event("send 3000000: queued")
            try server.event("send 10: failed")
            #expect(try server.nextEvent() == "drain 0")
            #expect(try server.tell("send 10") == "sent 0")
        }
    }

    // MARK: Peers that are gone or slow

    @Test(arguments: Setup.all)
    func sendingToAPeerThatIsGoneFails(_ setup: Setup) async throws {
        try await withPuppet("raw", setup) { server in
            try server.tell("once message x: await-hangup; send 10; send 10")
            let client = try server.connect()
            try client.send("x")
            try server.event("message x")
            client.reset()
            #expect(
                try server.nextEvents(5)
                    == [
                        "await-hangup: done", "error 2 client closed", "close 1", "send 10: failed 0",
                        "send 10: failed 0",
                    ])
            try server.finish()
            #expect(server.count("close 1") == 1)
        }
    }

    @Test(arguments: Setup.plain)
    func aPeerThatGoesWhileOutputWaitsIsNoticed(_ setup: Setup) async throws {
        try await withPuppet("raw", setup) { server in
            let (client, _) = try fullConnection(server, limit: 100)
            #expect(try server.tell("send 150") == "queued 150")
            client.reset()
            try server.event("close 1")
            try server.finish()
            #expect(server.count("error") == 0)
        }
    }

    @Test(arguments: Setup.all)
    func aLargeReplyArrivesWholeBeforeTheEnd(_ setup: Setup) async throws {
        try await withScenario("stream", setup, on: .heavy) { server in
            let client = try server.connect()
            let count = 50_000_000 / 64256 * 64256
            try client.send("big \(count)")
            try client.checkPattern(count)
            #expect(try client.readToEnd().bytes.isEmpty)
            try server.event("close 1")
        }
    }

    /// 100 MB for a client that reads slower than the server could send: the server waits for it, instead of piling up.
    @Test(arguments: Setup.eachBackend)
    func aSlowReaderDoesNotCostMemory(_ setup: Setup) async throws {
        try await withScenario("stream", setup, on: .heavy) { server in
            let client = try server.connect(receiveBuffer: 65536)
            let facts = try #require(server.process.facts)
            let before = facts.residentBytes
            let count = 100_000_000 / 64256 * 64256
            try client.send("stream \(count)")
            // It has begun, and stops at its limit.
            try server.event("full")
            var most = 0
            for _ in 0..<10 {
                try client.checkPattern(count / 10 / 64256 * 64256)
                most = max(most, facts.residentBytes - before)
            }
            try client.checkPattern(count - count / 10 / 64256 * 64256 * 10)
            #expect(try client.readToEnd().bytes.isEmpty)
            #expect(most < 16_000_000, "grew by \(most) bytes")
        }
    }

    @Test(arguments: Setup.eachBackend)
    func aPeerThatNeverReadsIsLeftAfterTheCloseTimeout(_ setup: Setup) async throws {
        try await withScenario("stream", setup, ["--close-timeout", "1"]) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.send("big 30000000")
            try server.event("big queued")
            try server.event("close 1")
        }
    }

    /// The time-out is for peers that take nothing, not for those that take long.
    @Test(arguments: Setup.eachBackend)
    func aPeerThatReadsSlowlyIsNotLeft(_ setup: Setup) async throws {
        try await withScenario("stream", setup, ["--close-timeout", "2"]) { server in
            let client = try server.connect(receiveBuffer: 4096)
            let count = 20_000_000 / 64256 * 64256
            try client.send("big \(count)")
            try server.event("big queued")
            let start = Deadline.now
            // A tenth each half second: five seconds in all.
            for part in 1...10 {
                try client.checkPattern(count / 10 / 64256 * 64256)
                _ = client.isReadable(within: 0)
                while Deadline.now - start < Int64(part) * 500_000_000 { poll(nil, 0, 20) }
            }
            try client.checkPattern(count - count / 10 / 64256 * 64256 * 10)
            #expect(try client.readToEnd().bytes.isEmpty)
        }
    }
}
