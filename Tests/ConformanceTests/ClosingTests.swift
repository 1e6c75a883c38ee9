import Glibc
import TestSupport
import Testing

/// How connections end: spec 03 §5, §8, §14 and the `end` trace of §17.
@Suite struct ClosingTests {
    @Test(arguments: Setup.all)
    func callbacksComeInOrder(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            let client = try server.connect()
            try client.send("a\nb\n")
            client.finishSending()
            #expect(try client.readToEnd().ending == .finished)
            try server.finish()
            #expect(server.events == ["connect 1", "message a", "message b", "close 1", "stop"])
        }
    }

    /// To accepted connections the end of a client is one, whether it has said goodbye over TLS or not.
    @Test(arguments: Setup.all.filter(\.isSecured))
    func clientsMayLeaveWithoutGoodbye(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            let client = try server.connect()
            try client.send("a\nb\n")
            client.finishSending(saysGoodbye: false)
            #expect(try client.readToEnd().ending == .finished)
            try server.finish()
            #expect(server.events == ["connect 1", "message a", "message b", "close 1", "stop"])
        }
        try await withScenario("http", setup) { server in
            let client = try server.connect()
            try client.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n")
            client.finishSending(saysGoodbye: false)
            // What is still to be answered is.
            #expect(try server.connect().get("/release").text == "released")
            #expect(try client.readReply().text == "released")
            #expect(try client.readToEnd().ending == .finished)
        }
    }

    /// Every way a connection can end, each with exactly one `onClose`, in which sending fails.
    enum Way: String, CaseIterable {
        case peerFinishes, peerCloses, peerResets, close, closeWithMessage, destroy, end, endWithMessage, throwInMessage
        case throwInConnect, closeInConnect, destroyInConnect, endInConnect, processStops
    }

    @Test(arguments: Setup.all, Way.allCases)
    func thereIsOneOnCloseHoweverItEnds(_ setup: Setup, _ way: Way) async throws {
        try await withPuppet("text", setup) { server in
            try server.tell("on close: send 5; close; destroy; end")
            switch way {
            case .throwInMessage: try server.tell("on message: throw")
            case .throwInConnect: try server.tell("on connect: throw")
            case .closeInConnect: try server.tell("on connect: close")
            case .destroyInConnect: try server.tell("on connect: destroy")
            case .endInConnect: try server.tell("on connect: end")
            default: break
            }
            let endsInConnect = [Way.throwInConnect, .closeInConnect, .destroyInConnect, .endInConnect].contains(way)
            // Over TLS such a connection ends within the handshake.
            guard let client = endsInConnect ? try? server.connect() : try server.connect() else {
                try server.event("close 1")
                return try server.finish()
            }
            try server.event("connect 1")
            switch way {
            case .peerFinishes: client.finishSending()
            case .peerCloses: client.close()
            case .peerResets: client.reset()
            case .close: try server.tell("close")
            case .closeWithMessage: try server.tell("close 5")
            case .destroy: try server.tell("destroy")
            case .end: try server.tell("end")
            case .endWithMessage: try server.tell("end 5")
            case .throwInMessage: try client.send("x\n")
            case .throwInConnect, .closeInConnect, .destroyInConnect, .endInConnect: break
            case .processStops: try server.finish()
            }
            if way != .processStops {
                try server.event("close 1")
                #expect(try server.nextEvent() == "send 5: failed 0")
            }
            try server.finish()
            #expect(server.count("close 1") == 1)
            #expect(server.count("error") == 0)
            #expect(server.count("send 5: failed 0") == 1)
        }
    }

    @Test(arguments: Setup.all, ["close", "destroy", "end"])
    func sendingAfterwardsFailsSilently(_ setup: Setup, _ way: String) async throws {
        try await withPuppet("text", setup) { server in
            let client = try server.connect()
            try server.tell("once message: \(way); send 5; raw x; \(way); state")
            try client.send("x\n")
            try server.event("\(way): done")
            try server.event("send 5: failed 0")
            try server.event("raw x: failed 0")
            try server.event("\(way): done")
            try server.event(way == "end" ? "state: ending open=false" : "state: closed open=false")
            #expect(try client.readToEnd().bytes.isEmpty)
            client.close()
            try server.finish()
            #expect(server.count("error") == 0)
            #expect(server.count("close 1") == 1)
        }
    }

    /// A peer that has closed its sending half reads on: it gets all that waits.
    @Test(arguments: Setup.all)
    func whatWaitsAtTheEndReachesAPeerThatHasFinished(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            let client = try server.connect()
            try server.event("connect 1")
            try server.tell("squeeze")
            try server.tell("end 8000000")
            client.finishSending()
            // The server has seen that by the second answer, whatever came first in one turn.
            for _ in 0..<2 { #expect(try server.tell("state") == "ending open=false") }
            #expect(try client.readToEnd().bytes.count == 8_000_000)
            try server.event("close 1")
        }
    }

    /// A handler closes a connection whose peer has finished, which the loop is to tell next.
    @Test(arguments: Setup.all)
    func closingJustBeforeThePeerIsSeenToHaveFinishedLosesNothing(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            let first = try server.connect()
            try server.event("connect 1")
            try server.tell("squeeze")
            try server.tell("send 8000000")
            let second = try server.connect()
            try server.event("connect 2")
            // One handler blocks until both have spoken: the loop then hears of them at once.
            let folder = try TemporaryFolder()
            let gate = folder.file("gate")
            mkfifo(gate, 0o600)
            try server.tell("on message block: await-writer \(gate)")
            try server.tell("on message go: close-other 1")
            let third = try server.connect()
            try third.send("block\n")
            try server.event("message block")
            try second.send("go\n")
            first.finishSending()
            Glibc.close(open(gate, O_WRONLY | O_CLOEXEC))
            #expect(try first.readToEnd().bytes.count == 8_000_000)
            try server.event("close 1")
        }
    }

    @Test(arguments: Setup.all)
    func onCloseRunsWithinCloseWhenNothingWaits(_ setup: Setup) async throws {
        try await withPuppet("raw", setup) { server in
            let client = try server.connect()
            try server.tell("once message: close; state")
            try client.send("x")
            #expect(
                try server.nextEvents(5)
                    == ["connect 1", "message x", "close 1", "close: done", "state: closed open=false"])
        }
    }

    @Test(arguments: Setup.all, ["raw", "text", "frame"])
    func aFarewellInOnConnectArrives(_ setup: Setup, _ wireProtocol: String) async throws {
        try await withPuppet(wireProtocol, setup) { server in
            try server.tell("on connect: close 9")
            for _ in 0..<10 {
                let client = try server.connect()
                _ = client.trySend(Array("ignored\n".utf8))
                #expect(try client.readToEnd().bytes.count == 9)
            }
            try server.finish()
            #expect(server.count("message") == 0)
            #expect(server.count("close ") - server.count("close 9: ") == 10)
        }
    }

    @Test(arguments: Setup.all, ["close", "destroy", "end", "throw"])
    func packetsBehindTheLastOneAreNotDelivered(_ setup: Setup, _ way: String) async throws {
        try await withPuppet("text", setup) { server in
            let other = try server.connect()
            try server.event("connect 1")
            try server.tell("on message b: \(way)")
            let client = try server.connect()
            try client.send("a\nb\nc\nd\n")
            _ = try client.readToEnd()
            client.close()
            try server.event("close 2")
            try other.send("still here\n")
            try server.event("message still here")
            try server.finish()
            #expect(server.count("message b") == 1)
            #expect(server.count("message c") == 0)
            #expect(server.count("message d") == 0)
        }
    }

    @Test(arguments: Setup.all, ["close", "end", "throw", "destroy"])
    func answersToEarlierPacketsArrive(_ setup: Setup, _ way: String) async throws {
        try await withPuppet("text", setup) { server in
            try server.tell("on message a: send 4")
            try server.tell("on message b: \(way)")
            let client = try server.connect()
            try client.send("a\na\nb\nc\n")
            #expect(try client.textToEnd() == "xxx\nxxx\n")
        }
    }

    @Test(arguments: Setup.all)
    func anErrorEndsItsConnectionOnly(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            try server.tell("on message throw: throw")
            let others = try (0..<3).map { _ in try server.connect() }
            let client = try server.connect()
            try client.send("throw\n")
            #expect(try client.readToEnd().bytes.isEmpty)
            try server.event("close 4")
            #expect(server.log.contains("the scenario threw"))
            for other in others {
                try other.send("fine\n")
                try server.event("message fine")
            }
        }
    }

    @Test(arguments: Setup.all)
    func anErrorInOnCloseIsHarmless(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            try server.tell("on close: throw")
            for number in 1...3 {
                let client = try server.connect()
                try server.event("connect \(number)")
                client.close()
                try server.event("close \(number)")
            }
        }
    }

    @Test(arguments: Setup.all)
    func endHalfClosesAndDropsWhatFollows(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            try server.tell("on message a: end 4; state")
            let client = try server.connect()
            try client.send("a\nb\n")
            let end = try client.readToEnd()
            #expect(end.bytes == Array("xxx\n".utf8))
            #expect(end.ending == .finished)
            try server.event("state: ending open=false")
            // The server still reads, and drops what it reads: no reset.
            try client.send("c\n" * 10_000)
            #expect(try server.tell("state") == "ending open=false")
            client.close()
            try server.event("close 1")
            try server.finish()
            #expect(server.count("message") == 1)
        }
    }

    @Test(arguments: Setup.all)
    func endWaitsForThePeerOnlyAsLongAsItShould(_ setup: Setup) async throws {
        try await withPuppet("text", setup, ["--linger", "400"]) { server in
            let client = try server.connect()
            try server.event("connect 1")
            let start = Deadline.now
            try server.tell("end 4")
            #expect(try client.textToEnd() == "xxx\n")
            try server.event("close 1")
            let waited = Double(Deadline.now - start) / 1e9
            #expect(waited > 0.3 && waited < 3)
        }
    }

    @Test(arguments: Setup.all)
    func endWithoutLingerClosesAtOnce(_ setup: Setup) async throws {
        try await withPuppet("text", setup, ["--linger", "0"]) { server in
            let client = try server.connect()
            try server.event("connect 1")
            try server.tell("once close: state")
            #expect(try server.tell("end 4") == "done")
            try server.event("close 1")
            #expect(try client.textToEnd() == "xxx\n")
        }
    }

    @Test(arguments: Setup.all)
    func callbacksCanDifferPerConnection(_ setup: Setup) async throws {
        try await withScenario("callbacks", setup) { server in
            let odd = try server.connect()
            try odd.send("a\n")
            #expect(try odd.readLine() == "own a")
            let even = try server.connect()
            try even.send("a\nb\n")
            #expect(try even.readLine() == "shared a")
            #expect(try even.readLine() == "shared b")
            try odd.send("throw\nswitch\nb\nc\n")
            #expect(try odd.readLine() == "handled own")
            #expect(try odd.readLine() == "own switch")
            #expect(try odd.readLine() == "switched b")
            #expect(try odd.readLine() == "switched c")
            let third = try server.connect()
            try third.send("a\n")
            #expect(try third.readLine() == "own a")
            odd.close()
            #expect(try server.nextEvent() == "switched close 1")
            third.close()
            #expect(try server.nextEvent() == "own close 3")
            even.close()
            #expect(try server.nextEvent() == "shared close 2")
        }
    }

    // MARK: The end of the process

    @Test(arguments: Setup.all)
    func stoppingClosesIdleConnections(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            let clients = try (0..<5).map { _ in try server.connect() }
            for number in 1...5 { try server.event("connect \(number)") }
            try server.finish()
            for client in clients { #expect(try client.readToEnd().bytes.isEmpty) }
            #expect(server.count("stop") == 1)
            for number in 1...5 { #expect(server.count("close \(number)") == 1) }
            #expect(server.events.firstIndex(of: "stop")! < server.events.firstIndex { $0.hasPrefix("close") }!)
        }
    }

    @Test(arguments: Setup.all)
    func aHalfReceivedPacketDoesNotHoldTheProcess(_ setup: Setup) async throws {
        try await withPuppet("text", setup) { server in
            let client = try server.connect()
            try client.send("no end of line")
            try server.event("connect 1")
            try server.tell("state")
            server.process.signal(SIGTERM)
            // stopTimeout is 2 s.
            let status = try server.process.waitForExit()
            #expect(status == .code(0))
            #expect(try client.readToEnd().bytes.isEmpty)
        }
    }

    /// The end of the session, in the segment of the last bytes, is seen although nothing follows.
    @Test(arguments: Setup.tcp.filter(\.isSecured))
    func theEndOfASessionIsSeenBehindItsLastBytes(_ setup: Setup) async throws {
        try await withScenario("echo", setup, ["--protocol", "text"]) { server in
            let client = try server.connect()
            try client.sendLast("hello\n")
            #expect(try client.readLine() == "hello")
            #expect(try client.readToEnd().bytes.isEmpty)
        }
    }
}
