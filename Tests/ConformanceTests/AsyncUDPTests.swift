import TestSupport
import Testing

/// UDP connections that a process makes: spec 03 §13.
@Suite struct AsyncUDPTests {
    @Test(arguments: Setup.udp)
    func datagramsGoAndComeInOrder(_ setup: Setup) async throws {
        try await withUDP("text", setup) { server in
            try server.tell("connect \(address(server))")
            #expect(try server.nextEvent() == "out connect")
            let addresses = try server.tell("out-addresses").split(separator: " ")
            #expect("udp://\(addresses[0])" == address(server))
            #expect(addresses[1].hasPrefix(setup.transport == .ipv6 ? "[::1]:" : "127.0.0.1:"))
            #expect(addresses[1] != addresses[0])
            for number in 0..<50 { #expect(try server.tell("out \(number)") == "Optional(Apus.SendResult.sent)") }
            for number in 0..<50 { #expect(try server.nextEvent() == "out message \(number)") }
            // The echo of the last message finds nobody.
            try server.tell("out-close bye")
            #expect(try server.nextEvent() == "out close")
            try server.tell("out-close")
            #expect(try server.tell("out late") == "Optional(Apus.SendResult.failed)")
            try server.tell("connect \(address(server))")
            #expect(try server.nextEvent() == "out connect")
            try server.tell("out last")
            #expect(try server.nextEvents(2) == ["out message last", "out close"])
        }
    }

    @Test(arguments: Setup.udp)
    func sendingConnects(_ setup: Setup) async throws {
        try await withUDP("frame", setup) { server in
            try server.tell("prepare \(address(server))")
            #expect(try server.tell("out-addresses").contains("initial"))
            #expect(try server.tell("out hello") == "Optional(Apus.SendResult.sent)")
            // A datagram is a message, its frame included where the protocol only decodes.
            #expect(try server.nextEvents(2) == ["out connect", "out message hello"])
            try server.tell("out drop")
            #expect(try server.nextEvent() == "out message drop")
            try server.tell("out again")
            #expect(try server.nextEvent() == "out message again")
            #expect(server.log.contains("failed: an answer"))
        }
    }

    /// What is sent to nobody is lost, and the connection goes on: also when there is somebody later.
    @Test(arguments: Setup.udp)
    func aPeerThatIsNotThereIsNoTrouble(_ setup: Setup) async throws {
        try await withUDP("raw", setup) { server in
            let probe = try UDPClient(server.endpoint)
            // A socket that hears one other peer alone: the port stays taken, and the kernel refuses what others send.
            let deaf = try UDPClient(setup.transport == .ipv6 ? .ipv6(port: 9) : .ipv4(port: 9))
            defer { withExtendedLifetime(deaf) {} }
            let nobody = "udp://\(setup.transport == .ipv6 ? "[::1]" : "127.0.0.1"):\(deaf.port)"
            try server.tell("connect \(nobody)")
            #expect(try server.nextEvent() == "out connect")
            for _ in 0..<30 { #expect(try server.tell("out hello") == "Optional(Apus.SendResult.sent)") }
            try probe.send("alive")
            #expect(try probe.receiveText() == "alive")
            try server.tell("out-close")
            #expect(try server.nextEvent() == "out close")
        }
    }

    @Test(arguments: Setup.udp.filter { $0.transport == .ipv4 })
    func namesAreLookedUpAndWhatIsSentWaits(_ setup: Setup) async throws {
        try await withUDP("text", setup) { server in
            // Not the form that is read as a number here, but one that the system knows.
            let name = address(server).replacing("127.0.0.1", with: "127.1")
            try server.tell("prepare \(name)")
            #expect(try server.tell("out early") == "Optional(Apus.SendResult.queued)")
            #expect(try server.nextEvents(2) == ["out connect", "out message early"])
            try server.tell("out-close")
            #expect(try server.nextEvent() == "out close")
            // No name has a part of 64 bytes.
            try server.tell("prepare udp://\("a" * 64).example:9")
            try server.tell("out lost")
            #expect(eventually { server.log.contains("connect to udp://aaaa") })
            #expect(try server.tell("out-addresses").contains("initial"))
            // Closed while it is looked up, or right after: it stays closed.
            try server.tell("prepare \(name)")
            try server.tell("out lost")
            try server.tell("out-close")
            try server.event("out close")
            #expect(try server.tell("out late") == "Optional(Apus.SendResult.failed)")
        }
    }

    private func address(_ server: ScenarioServer) -> String {
        switch server.endpoint {
        case .ipv4(let port): "udp://127.0.0.1:\(port)"
        case .ipv6(let port): "udp://[::1]:\(port)"
        case .unix: ""
        }
    }
}
