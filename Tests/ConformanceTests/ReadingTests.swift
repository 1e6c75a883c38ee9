import Glibc
import TestSupport
import Testing

/// Pausing, back-pressure, half-closed peers and fairness: spec 03 §7, §14 and the pause trace of §17.
@Suite struct ReadingTests {
    @Test(arguments: Setup.all)
    func pausingHoldsBackWhatIsBuffered(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            try server.tell("on message a: pause")
            let client = try server.connect()
            try client.send("a\nb\nc\n")
            #expect(try server.nextEvents(3) == ["connect 1", "message a", "pause: done"])
            #expect(try server.tell("state") == "established open=true")
            try server.tell("resume")
            // Delivered before resumeReading returned.
            #expect(try server.nextEvents(4) == ["resuming", "message b", "message c", "resumed"])
            try client.send("d\n")
            #expect(try server.nextEvent() == "message d")
        }
    }

    @Test(arguments: Setup.all)
    func resumingReadsWhatTheKernelHolds(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            let client = try server.connect()
            try server.event("connect 1")
            try server.tell("pause")
            try client.send("a\nb\n")
            try server.tell("state")
            try server.tell("resume")
            #expect(try server.nextEvents(4) == ["resuming", "message a", "message b", "resumed"])
        }
    }

    @Test(arguments: Setup.all)
    func pausingAgainWhileResumingHoldsTheRest(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            try server.tell("on message a: pause")
            try server.tell("on message b: pause")
            let client = try server.connect()
            try client.send("a\nb\nc\n")
            #expect(try server.nextEvents(3) == ["connect 1", "message a", "pause: done"])
            try server.tell("resume")
            #expect(try server.nextEvents(4) == ["resuming", "message b", "pause: done", "resumed"])
            try server.tell("resume")
            #expect(try server.nextEvents(3) == ["resuming", "message c", "resumed"])
        }
    }

    /// Where output leaves, `onBufferFull` may end the pause: what is held goes on in its order, nothing comes twice.
    @Test(arguments: Setup.eachBackend, [false, true])
    func resumingWhileOutputLeavesKeepsTheOrder(_ setup: Setup, _ isHeldBefore: Bool) async throws {
        try await withPuppet("text", setup) { server in
            let client = try server.connect()
            try server.event("connect 1")
            try server.tell("limit 1")
            try server.tell("squeeze")
            try server.tell("once full: resume")
            try server.tell("once message b: fill; pause; send 100")
            if isHeldBefore { try server.tell("once message a: pause") }
            try client.send("a\nb\nc\nd\n")
            if isHeldBefore {
                try server.event("message a")
                try server.tell("resume")
            }
            try server.event("message d")
            try client.send("e\n")
            try server.event("message e")
            let messages = server.events.filter { $0.hasPrefix("message ") }
            #expect(messages.map { $0.last } == ["a", "b", "c", "d", "e"], "\(server.events)")
        }
    }

    /// A handler that takes its time holds up its own client, whose messages stay with the kernel.
    @Test(arguments: Setup.eachBackend)
    func littleIsReadAheadOfAHandler(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            let client = try server.connect()
            try server.event("connect 1")
            try server.tell("hold")
            let lines = Array(String(repeating: "a\n", count: 50_000).utf8)
            while let count = client.trySend(lines), count > 0 || !client.isBlocked {}
            let counters = try server.tell("counters")
            let read = try #require(Int(counters.dropFirst("read=".count).prefix { $0 != " " }), "\(counters)")
            #expect(read <= 3 * 65536, "\(counters)")
        }
    }

    /// What came before the FIN is still to be delivered, when a handler has ended in the middle of a pause, too.
    @Test(arguments: Setup.all)
    func aPauseKeepsWhatAPeerThatHasFinishedSaid(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            try server.tell("on message a: limit 1; squeeze; send 4000000; write x")
            let client = try server.connect()
            try client.send("a\nb\n")
            client.finishSending()
            try server.event("write x: done")
            for _ in 0..<2 { #expect(try server.tell("state") == "established open=true") }
            try server.tell("pause")
            try client.skip(4_000_000)
            try server.event("written")
            for _ in 0..<2 { #expect(try server.tell("state") == "established open=true") }
            try server.tell("resume")
            try server.event("message b")
            try server.event("close 1")
        }
    }

    @Test(arguments: Setup.all, ["a\n", "a\nb\n", "a\nb"])
    func pausingAndResumingInOneHandlerChangesNothing(_ setup: Setup, _ text: String) async throws {
        try await withPuppet("text", setup) { server in
            try server.tell("once message a: pause; resume")
            let client = try server.connect()
            try server.event("connect 1")
            try server.tell("state")
            try client.send(text)
            try server.event("resume: done")
            try client.send("b\n")
            try server.event("message b")
        }
    }

    /// Reading for another connection must leave alone what is being delivered.
    @Test(arguments: Setup.all)
    func resumingAnotherConnectionInAHandlerChangesNothing(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            let first = try server.connect()
            try server.event("connect 1")
            try server.tell("pause")
            try first.send("one\nof\nthe\nfirst\nconnection\n")
            try server.tell("on message go: resume-other 1")
            let second = try server.connect()
            try second.send("go\ntwo\nthree\nfour\n")
            try server.event("connect 2")
            let messages = ["one", "of", "the", "first", "connection", "two", "three", "four"]
            #expect(try server.nextEvent() == "message go")
            for message in messages.prefix(5) { #expect(try server.nextEvent() == "message \(message)") }
            #expect(try server.nextEvent() == "resume-other 1: done")
            for message in messages.suffix(3) { #expect(try server.nextEvent() == "message \(message)") }
        }
    }

    @Test(arguments: Setup.all)
    func pausingInOnConnectHoldsEverything(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            try server.tell("on connect: pause")
            let client = try server.connect()
            try client.send("a\n")
            #expect(try server.nextEvents(2) == ["connect 1", "pause: done"])
            for _ in 0..<20 { #expect(try server.tell("counters") == "read=0 written=0 pending=0") }
            try server.tell("resume")
            #expect(try server.nextEvents(3) == ["resuming", "message a", "resumed"])
        }
    }

    @Test(arguments: Setup.all)
    func aPausedServerSlowsItsPeerDown(_ setup: Setup) async throws {
        try await withPuppet("raw", setup) { server in
            let client = try server.connect()
            try server.event("connect 1")
            try server.tell("pause")
            let block = [UInt8](repeating: 0x78, count: 65536)
            var sent = 0
            // Until nothing was taken for a while.
            var idle = 0
            while idle < 30 {
                let count = try #require(client.trySend(block))
                sent += count
                idle = count == 0 ? idle + 1 : 0
                if count == 0 { poll(nil, 0, 10) }
                try #require(sent < 64_000_000, "nothing slows the client down")
            }
            #expect(try server.tell("counters") == "read=0 written=0 pending=0")
            try server.tell("resume")
            client.finishSending()
            try server.event("close 1")
            #expect(try server.tell("counters") == "read=\(sent) written=0 pending=0")
        }
    }

    @Test(arguments: Setup.all)
    func aPeerThatFinishesWhilePausedIsNoticedLater(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            try server.tell("on message a: pause")
            let client = try server.connect()
            try client.send("a\nb\n")
            try server.event("pause: done")
            client.finishSending()
            for _ in 0..<20 { #expect(try server.tell("state") == "established open=true") }
            try server.tell("resume")
            #expect(try server.nextEvents(2) == ["resuming", "message b"])
            try server.event("close 1")
        }
    }

    @Test(arguments: Setup.tcp)
    func aPeerThatResetsWhilePausedIsNoticed(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            try server.tell("on message a: pause")
            let client = try server.connect()
            try client.send("a\n")
            try server.event("pause: done")
            client.reset()
            try server.event("close 1")
        }
    }

    @Test(arguments: Setup.all, ["close", "destroy", "end"])
    func endingWhilePaused(_ setup: Setup, _ way: String) async throws {
        try await withPuppet("text", setup) { server in
            try server.tell("on message a: pause")
            let client = try server.connect()
            try client.send("a\nb\nc\n")
            try server.event("pause: done")
            try server.tell(way)
            #expect(try client.readToEnd().bytes.isEmpty)
            client.close()
            try server.event("close 1")
            try server.finish()
            #expect(server.count("message b") == 0)
        }
    }

    // MARK: Half-closed peers

    @Test(arguments: Setup.all)
    func everyAnswerReachesAPeerThatHasFinished(_ setup: Setup) async throws {
        try await withScenario("echo", setup, ["--protocol", "text"]) { server in
            let client = try server.connect()
            let text = (0..<20_000).map { "line \($0)\n" }.joined()
            try client.send(text)
            client.finishSending()
            let end = try client.readToEnd()
            #expect(end.ending == .finished)
            #expect(end.bytes == Array(text.utf8))
        }
    }

    @Test(arguments: Setup.all)
    func anAnswerThatTakesLongReachesAPeerThatHasFinished(_ setup: Setup) async throws {
        try await withScenario("async", setup) { server in
            let client = try server.connect()
            try client.send("100 a\n100 b\n")
            client.finishSending()
            #expect(try client.textToEnd() == "a\nb\n")
            try server.event("close 1")
        }
    }

    @Test(arguments: Setup.all)
    func asyncHandlersOfOneConnectionKeepTheirOrder(_ setup: Setup) async throws {
        try await withScenario("async", setup) { server in
            let client = try server.connect()
            let other = try server.connect()
            try client.send("300 slow\n0 quick\n50 third\n")
            try server.event("begin slow")
            try other.send("0 other\n")
            #expect(try other.readLine() == "other")
            #expect(try client.readLine() == "slow")
            #expect(try client.readLine() == "quick")
            #expect(try client.readLine() == "third")
            try server.finish()
            let order = server.events.filter { !$0.hasSuffix("other") && !$0.hasPrefix("close") }
            #expect(order == ["begin slow", "end slow", "begin quick", "end quick", "begin third", "end third"])
        }
    }

    @Test(arguments: Setup.all)
    func anAsyncHandlerIsCancelledWhenItsConnectionCloses(_ setup: Setup) async throws {
        try await withScenario("async", setup) { server in
            let client = try server.connect()
            try client.send("20000 long\n")
            try server.event("begin long")
            client.reset()
            try server.event("cancelled long")
            try server.finish()
            #expect(server.count("close 1") == 1)
            #expect(server.count("end long") == 0)
        }
    }

    // MARK: Fairness

    @Test(arguments: Setup.all)
    func aFloodDoesNotStarveOthers(_ setup: Setup) async throws {
        try await withScenario("echo", setup, ["--protocol", "text"], on: .heavy) { server in
            let endpoint = server.endpoint
            let isSecured = setup.isSecured
            let isEnough = Shared(false)
            let received = Shared(0)
            defer { isEnough.value = true }
            let flood = Helper {
                let client = try Client(endpoint, isSecured: isSecured)
                let lines = Array(("flood" * 6 + ".\n").utf8) * 2048
                while !isEnough.value {
                    guard client.trySend(lines) != nil else { throw Failure("the flood was cut off") }
                    while client.isReadable() { received.value += try client.readAvailable(atMost: 1 << 20).count }
                }
            }
            #expect(eventually { received.value > 100_000 })
            let client = try server.connect()
            var longest = 0.0
            for round in 0..<20 {
                let start = Deadline.now
                try client.send("\(round)\n")
                #expect(try client.readLine() == "\(round)")
                longest = max(longest, Double(Deadline.now - start) / 1e9)
            }
            let before = received.value
            #expect(eventually { received.value > before })
            isEnough.value = true
            try flood.join()
            #expect(longest < 2, "an echo took \(longest) s")
        }
    }
}
