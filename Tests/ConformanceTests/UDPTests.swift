import Glibc
import TestSupport
import Testing

/// Datagrams in and out: spec 02 §6, 03 §11 and §13, 05 §11.
@Suite struct UDPTests {
    @Test(arguments: Setup.udp)
    func datagramsOfAllSizesComeBack(_ setup: Setup) async throws {
        try await withUDP("raw", setup) { server in
            let client = try UDPClient(server.endpoint)
            for size in [0, 1, 64, 1472, 1473, 9000, 65507] {
                try client.send(pattern(size))
                #expect(try client.receive() == pattern(size))
            }
        }
    }

    @Test(arguments: Setup.udp)
    func whatNoDatagramHoldsFails(_ setup: Setup) async throws {
        try await withUDP("raw", setup) { server in
            let client = try UDPClient(server.endpoint)
            for (size, outcome) in [(65507, "queued"), (65508, "failed"), (100_000, "failed"), (1, "queued")] {
                try client.send("big \(size)")
                #expect(try server.event("big") == "big \(outcome)")
            }
            #expect(try client.receive().count == 65507)
            #expect(try client.receive().count == 1)
            #expect(try server.tell("push-size 65508") == "failed")
            #expect(try server.tell("push-size 65507") == "sent")
            #expect(try client.receive().count == 65507)
            #expect(!client.isReadable())
        }
    }

    @Test(arguments: Setup.udp)
    func aBurstOfSeveralPeersIsAnsweredInOrder(_ setup: Setup) async throws {
        try await withUDP("raw", setup, on: .heavy) { server in
            let clients = try (0..<5).map { _ in try UDPClient(server.endpoint) }
            let bursts = 150
            for number in 0..<bursts {
                for (index, client) in clients.enumerated() {
                    // Runs of one size, and sizes that change, for some and for others.
                    let padding = index.isMultiple(of: 2) ? 40 : number % 7
                    try client.send("\(index):\(number):" + "." * padding)
                }
            }
            for number in 0..<bursts {
                for (index, client) in clients.enumerated() {
                    #expect(try client.receiveText().hasPrefix("\(index):\(number):"))
                }
            }
            #expect(clients.allSatisfy { !$0.isReadable() })
        }
    }

    /// What is joined on the way out arrives as it was sent: nothing merged, cut or out of order.
    @Test(arguments: Setup.udp)
    func answersOfManySizesStayApart(_ setup: Setup) async throws {
        try await withUDP("raw", setup) { server in
            let client = try UDPClient(server.endpoint)
            let cases: [[Int]] = [
                [10, 10, 10, 9, 10, 10], [0, 0, 5, 0, 5, 5], [1452, 1452, 1453, 1453, 1452], [1, 1, 2, 2, 1, 1],
                [Int](repeating: 8, count: 130), [Int](repeating: 1400, count: 50), [65507, 65507, 3, 3, 65507],
                [Int](repeating: 30000, count: 12), (0..<100).map { $0 / 2 },
            ]
            for sizes in cases {
                try client.send("sizes " + sizes.map { "\($0)" }.joined(separator: " "))
                for (index, size) in sizes.enumerated() {
                    #expect(
                        try client.receive() == [UInt8](repeating: UInt8(97 + index % 26), count: size),
                        "\(index) of \(sizes)")
                }
            }
            #expect(!client.isReadable())
        }
    }

    /// Where the kernel refuses to join, all goes out one by one, from the first time on.
    @Test(arguments: Setup.udp.filter { $0.transport == .ipv4 })
    func whatCannotBeJoinedIsSentAlone(_ setup: Setup) async throws {
        try await withUDP("raw", setup) { server in
            #expect(try server.tell("no-checksums") != "0")
            let client = try UDPClient(server.endpoint)
            for size in [1400, 1300, 100, 100, 1] {
                let sizes = [Int](repeating: size, count: 70) + [2, 2, 3]
                try client.send("sizes " + sizes.map { "\($0)" }.joined(separator: " "))
                for (index, size) in sizes.enumerated() {
                    #expect(try client.receive() == [UInt8](repeating: UInt8(97 + index % 26), count: size))
                }
            }
            #expect(!client.isReadable())
        }
    }

    @Test(arguments: Setup.udp, [1, 100, 1400])
    func datagramsThatTheKernelKeptTogetherAreToldApart(_ setup: Setup, _ size: Int) async throws {
        try await withUDP("raw", setup) { server in
            let client = try UDPClient(server.endpoint)
            let count = 40
            let tail = size / 2
            let all = (0..<count).flatMap { [UInt8](repeating: UInt8($0), count: size) }
            try client.send(all + [UInt8](repeating: 0xFF, count: tail), segment: Int32(size))
            for number in 0..<count {
                #expect(try client.receive() == [UInt8](repeating: UInt8(number), count: size))
            }
            if tail > 0 { #expect(try client.receive() == [UInt8](repeating: 0xFF, count: tail)) }
            #expect(!client.isReadable())
        }
    }

    @Test(arguments: Setup.udp)
    func aDatagramHoldsSeveralPackets(_ setup: Setup) async throws {
        try await withUDP("text", setup) { server in
            let client = try UDPClient(server.endpoint)
            try client.send("a\nb\r\n\nc is cut")
            for line in ["a\n", "b\n", "\n"] { #expect(try client.receiveText() == line) }
            // No line feed, no line; and the next datagram does not complete it.
            for text in ["hello", " world\n", "", "end\n"] { try client.send(text) }
            for line in [" world\n", "end\n"] { #expect(try client.receiveText() == line) }
            #expect(!client.isReadable())
        }
        try await withUDP("frame", setup) { server in
            let client = try UDPClient(server.endpoint)
            try client.send([0, 0, 0, 5, 0x61, 0, 0, 0, 4, 0, 0, 0, 6, 0x62, 0x63, 0, 0, 0, 9, 0x64])
            for frame: [UInt8] in [[0, 0, 0, 5, 0x61], [0, 0, 0, 4], [0, 0, 0, 6, 0x62, 0x63]] {
                #expect(try client.receive() == frame)
            }
            try client.send([0, 0, 0])
            try client.send([0, 0, 0, 5, 0x7A])
            #expect(try client.receive() == [0, 0, 0, 5, 0x7A])
            #expect(!client.isReadable())
        }
    }

    @Test(arguments: Setup.udp)
    func whatIsNotTheProtocolIsDroppedAlone(_ setup: Setup) async throws {
        try await withUDP("frame", setup, ["--max-package", "1000"]) { server in
            let client = try UDPClient(server.endpoint)
            for _ in 0..<20 {
                try client.send([0, 0, 0, 5, 0x61, 0, 0, 0, 3, 0, 0, 0, 5, 0x62])
                #expect(try client.receive() == [0, 0, 0, 5, 0x61])
            }
            try client.send([0xFF, 0xFF, 0xFF, 0xFF, 0x61])
            try client.send([0, 0, 3, 0xE9] + pattern(997))  // One byte more than is allowed.
            try client.send([0, 0, 3, 0xE8] + pattern(996))
            #expect(try client.receive() == [0, 0, 3, 0xE8] + pattern(996))
            #expect(!client.isReadable())
            // Not a line for each.
            let complaints = server.log.split(separator: "\n").count { $0.contains("Error package. ") }
            #expect((1...4).contains(complaints), "\(server.log)")
        }
    }

    @Test(arguments: Setup.udp)
    func peersAreKeptToPushLater(_ setup: Setup) async throws {
        try await withUDP("text", setup) { server in
            let clients = try (0..<3).map { _ in try UDPClient(server.endpoint) }
            for client in clients {
                for _ in 0..<2 {
                    try client.send("hello\n")
                    #expect(try client.receiveText() == "hello\n")
                }
            }
            #expect(try server.tell("peers") == "3")
            #expect(try server.tell("push news") == "sent sent sent")
            for client in clients { #expect(try client.receiveText() == "news\n") }
            // Within a batch, too, to peers that are not of it.
            try clients[2].send("everybody\n")
            for client in clients { #expect(try client.receiveText() == "everybody\n") }
            let host = setup.transport == .ipv6 ? "::1" : "127.0.0.1"
            let shown = setup.transport == .ipv6 ? "[::1]" : host
            let (port, own) = (server.endpoint.port, clients[0].port)
            #expect(
                try server.tell("addresses").hasPrefix(
                    "remote=\(shown):\(own)=\(host)+\(own) local=\(shown):\(port)=\(host)+\(port) "
                        + "v4=\(setup.transport == .ipv4) v6=\(setup.transport == .ipv6)"))
            try server.tell("unlisten")
            #expect(try server.tell("push late") == "failed failed failed")
        }
    }

    @Test(arguments: Setup.udp)
    func closingAPeerLeavesTheSocketServing(_ setup: Setup) async throws {
        try await withUDP("raw", setup) { server in
            let clients = try (0..<2).map { _ in try UDPClient(server.endpoint) }
            for client in clients {
                try client.send("close")
                #expect(try client.receiveText() == "bye")
            }
            for client in clients {
                try client.send("still there")
                #expect(try client.receiveText() == "still there")
            }
        }
    }

    @Test(arguments: Setup.udp)
    func whatAHandlerThrowsConcernsItsDatagram(_ setup: Setup) async throws {
        try await withUDP("text", setup) { server in
            let clients = try (0..<2).map { _ in try UDPClient(server.endpoint) }
            try clients[0].send("before\nthrow\nafter\n")
            try clients[1].send("other\n")
            #expect(try clients[0].receiveText() == "before\n")
            #expect(try clients[0].receiveText() == "after\n")
            #expect(try clients[1].receiveText() == "other\n")
            #expect(server.log.contains("callback for UDP peer") && server.log.contains("failed: a datagram"))
        }
        try await withUDP("text", setup, ["--handler", "1"]) { server in
            let client = try UDPClient(server.endpoint)
            try client.send("throw\n")
            #expect(try client.receiveText() == "handled a datagram\n")
            #expect(!server.log.contains("callback for UDP peer"))
        }
    }

    /// The kernel hears that nobody takes the answers: neither does the server stop nor is it busy with that.
    @Test(arguments: Setup.udp)
    func peersThatVanishAreNoTrouble(_ setup: Setup) async throws {
        try await withUDP("raw", setup) { server in
            var gone: UDPClient? = try UDPClient(server.endpoint)
            let client = try UDPClient(server.endpoint)
            try gone?.send("once")
            #expect(try gone?.receiveText() == "once")
            gone = nil
            for number in 0..<50 {
                #expect(try server.tell("push to all").hasPrefix("sent"))
                try client.send("\(number)")
                while try client.receiveText() != "\(number)" {}
            }
            while client.isReadable(within: 0.05) { #expect(try client.receiveText() == "to all") }
            let before = try #require(server.process.facts).cpuSeconds
            #expect(!client.isReadable(within: 0.5))
            #expect(try #require(server.process.facts).cpuSeconds - before < 0.2)
        }
    }

    @Test(arguments: Setup.udp)
    func datagramsWaitWhileReceivingIsPaused(_ setup: Setup) async throws {
        try await withUDP("raw", setup) { server in
            let client = try UDPClient(server.endpoint)
            try server.tell("pause")
            for number in 0..<100 { try client.send("\(number)") }
            #expect(!client.isReadable(within: 0.1))
            try server.tell("resume")
            for number in 0..<100 { #expect(try client.receiveText() == "\(number)") }
        }
    }

    /// A wildcard of IPv6 serves both families, and answers each as it came.
    @Test(arguments: Setup.backends)
    func oneSocketForBothFamilies(_ backend: String) async throws {
        let setup = Setup(backend: backend, transport: .ipv6)
        try await withUDP("raw", setup, ["--address", "udp://[::]:0"]) { server in
            let clients = [
                try UDPClient(.ipv4(port: server.endpoint.port)), try UDPClient(.ipv6(port: server.endpoint.port)),
            ]
            for _ in 0..<3 {
                for client in clients { for number in 0..<10 { try client.send("datagram \(number)") } }
                for client in clients {
                    for number in 0..<10 { #expect(try client.receiveText() == "datagram \(number)") }
                }
            }
            let addresses = try server.tell("addresses")
            #expect(addresses.contains("remote=127.0.0.1:\(clients[0].port)="))
            #expect(addresses.contains("remote=[::1]:\(clients[1].port)="))
        }
    }
}

extension Endpoint {
    var port: UInt16 {
        switch self {
        case .ipv4(let port), .ipv6(let port): port
        case .unix: 0
        }
    }
}

/// As `withScenario`, for UDP with a protocol.
func withUDP(
    _ wireProtocol: String, _ setup: Setup, _ options: [String] = [], on threads: TestThreads = .light,
    _ body: @Sendable (ScenarioServer) throws -> Void
) async throws {
    try await withScenario(
        "udp", setup, ["--protocol", wireProtocol, "--control", "1"] + options, on: threads, body)
}
