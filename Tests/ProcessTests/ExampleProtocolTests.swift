import Glibc
import TestSupport
import Testing

/// The example protocols of spec 05 §13, with the bytes of §14.1: real servers, real clients, raw sockets.
@Suite struct ExampleProtocolTests {
    /// A client, its bytes for the first message, and an answer with what the client prints of it.
    private struct ClientCase: Sendable {
        let recipe: String
        let message: String
        let packet: [UInt8]
        let answer: [UInt8]
        let output: String
    }

    private static let cases = [
        ClientCase(
            recipe: "JsonNLClient", message: "{\"a\":1}", packet: ExampleProtocol.bytes("{\"a\":1}\n"),
            answer: ExampleProtocol.bytes("[1, \"/\"]\n"), output: "[1,\"/\"]"),
        ClientCase(
            recipe: "JsonIntClient", message: "{\"a\":1}",
            packet: [0, 0, 0, 0x0B, 0x7B, 0x22, 0x61, 0x22, 0x3A, 0x31, 0x7D],
            answer: [0, 0, 0, 5, 0x37], output: "7"),
        ClientCase(
            recipe: "XmlProtocolClient", message: "<a/>", packet: ExampleProtocol.bytes("0000000014<a/>"),
            answer: ExampleProtocol.bytes("0000000014<b/>"), output: "<b/>"),
        ClientCase(
            recipe: "BinaryTransferClient", message: "a.txt",
            packet: [0, 0, 0, 0x0E, 5, 0x61, 0x2E, 0x74, 0x78, 0x74, 0x64, 0x61, 0x74, 0x61],
            answer: ExampleProtocol.bytes("saved it\n"), output: "saved it"),
        ClientCase(
            recipe: "TextTransferClient", message: "a.txt",
            packet: ExampleProtocol.bytes("{\"file_data\":\"ZGF0YQ==\",\"file_name\":\"a.txt\"}\n"),
            answer: ExampleProtocol.bytes("saved it\n"), output: "saved it"),
    ]

    /// The arguments of a client; files are there.
    private func arguments(_ client: ClientCase, _ endpoint: Endpoint, _ folder: TemporaryFolder) throws -> [String] {
        guard client.message == "a.txt" else { return ["--to", "\(endpoint)", client.message] }
        try writeText("data", to: folder.file("a.txt"))
        return ["--to", "\(endpoint)", folder.file("a.txt")]
    }

    @Test(arguments: backends)
    func clientsAndServersUnderstandEachOther(_ backend: String) async throws {
        try await TestThreads.light.run {
            let outputs = [
                "JsonNL": ExampleProtocol.echo("{\"a\":1}"), "JsonInt": ExampleProtocol.echo("{\"a\":1}"),
                "XmlProtocol": "<reply><code>0</code><bytes>4</bytes></reply>",
                "BinaryTransfer": "saved 4 bytes as a.txt", "TextTransfer": "saved 4 bytes as a.txt",
            ]
            for (example, client) in zip(ExampleProtocol.all, Self.cases) {
                #expect(client.recipe == example.name + "Client")
                let server = try ExampleServer(example, backend)
                let folder = try TemporaryFolder()
                let outcome = try ExampleClient(client.recipe, try arguments(client, server.endpoint, folder))
                #expect(outcome.status == .code(0), "\(outcome)")
                #expect(outcome.output == outputs[example.name])
                #expect(outcome.errors.isEmpty)
                if example.savesFiles { #expect(server.files.text("a.txt") == "data") }
                #expect(try server.master.stop() == .code(0))
            }
        }
    }

    @Test func severalMessagesOfOneClient() async throws {
        try await TestThreads.light.run {
            let server = try ExampleServer(.jsonNL, "epoll")
            let outcome = try ExampleClient("JsonNLClient", ["1", "[2]", "--to", "\(server.endpoint)", "\"3\"", "-4"])
            #expect(outcome.status == .code(0), "\(outcome)")
            #expect(
                outcome.output.split(separator: "\n").map(String.init)
                    == ["1", "[2]", "\"3\"", "-4"].map(ExampleProtocol.echo))
        }
    }

    /// The bytes of each client, and what it makes of an answer, of none, and of one that is wrong.
    @Test func clientsOnTheWire() async throws {
        try await TestThreads.light.run {
            for client in Self.cases {
                let folder = try TemporaryFolder()
                let acceptor = try Acceptor("ipv4", in: folder)
                let arguments = try arguments(client, acceptor.endpoint, folder)
                for (answer, status) in [(client.answer, Int32(0)), ([], 1), ([0xFF, 0xFE, 0x0A, 0, 0, 0, 0, 0], 1)] {
                    let process = try ServerProcess("Examples", [client.recipe] + arguments, in: folder)
                    let server = try acceptor.accept()
                    #expect(try server.read(client.packet.count) == client.packet, "\(client.recipe)")
                    try server.send(answer)
                    if status == 0 {
                        #expect(try server.readToEnd().bytes.isEmpty, "\(client.recipe) sent more than a packet")
                    } else {
                        server.finishSending()
                    }
                    #expect(try process.outputToEnd() == (status == 0 ? client.output : ""))
                    #expect(try process.waitForExit() == .code(status), "\(client.recipe) after \(answer)")
                    #expect(process.errorText.contains("\(client.recipe): ") == (status != 0))
                }
            }
        }
    }

    @Test func clientsSayWhatIsWrong() async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let nobody: Endpoint = try Acceptor("ipv4", in: folder).endpoint  // Closed at once.
            try writeText("data", to: folder.file("a.txt"))
            let to = ["--to", "\(nobody)"]
            let cases: [(recipe: String, arguments: [String], status: Int32, words: String)] = [
                ("JsonNLClient", ["1"], 64, "--to is needed"),
                ("JsonIntClient", to, 64, "JSON values to send are needed"),
                ("JsonIntClient", to + ["{"], 64, "not JSON: {"),
                ("XmlProtocolClient", to, 64, "documents to send are needed"),
                ("XmlProtocolClient", to + ["<a/>"], 1, "Connection refused"),
                ("BinaryTransferClient", to, 64, "the path of a file"),
                ("BinaryTransferClient", to + [folder.file("none")], 1, "No such file"),
                ("TextTransferClient", to + [folder.path], 1, "Is a directory"),
                ("TextTransferClient", to + [folder.file("a.txt")], 1, "Connection refused"),
                ("JsonNL", ["start"], 64, "--on is needed"),
            ]
            for wrong in cases {
                let outcome = try ExampleClient(wrong.recipe, wrong.arguments)
                #expect(outcome.status == .code(wrong.status), "\(wrong)")
                #expect(outcome.errors.contains("\(wrong.recipe): "))
                #expect(outcome.errors.contains(wrong.words), "\(outcome.errors)")
                #expect(outcome.output.isEmpty)
            }
        }
    }

    @Test func theListNamesEveryRecipe() async throws {
        try await TestThreads.light.run {
            let list = try ExampleClient("", [])
            #expect(list.status == .code(64))
            let names = list.output.split(separator: "\n").compactMap {
                $0.split(separator: " ").first.map(String.init)
            }
            let wanted = ExampleProtocol.all.flatMap { [$0.name, $0.name + "Client"] }
            #expect(Set(names).isSuperset(of: wanted + ["AllProtocols", "TCPProxy", "FileDownload"]), "\(list.output)")
        }
    }

    @Test(arguments: backends)
    func packetsOnTheWire(_ backend: String) async throws {
        try await TestThreads.light.run {
            for (example, client) in zip(ExampleProtocol.all, Self.cases) {
                let server = try ExampleServer(example, backend)
                let peer = try Client(server.endpoint)
                try peer.send(client.packet)
                let answer: [UInt8] =
                    switch example.name {
                    case "JsonNL": ExampleProtocol.bytes("{\"code\":0,\"data\":{\"a\":1},\"msg\":\"ok\"}\n")
                    case "JsonInt":
                        [0, 0, 0, 0x28] + ExampleProtocol.bytes("{\"code\":0,\"data\":{\"a\":1},\"msg\":\"ok\"}")
                    case "XmlProtocol": ExampleProtocol.bytes("0000000055<reply><code>0</code><bytes>4</bytes></reply>")
                    default: ExampleProtocol.bytes("saved 4 bytes as a.txt\n")
                    }
                #expect(try peer.read(answer.count) == answer, "\(example)")
                peer.finishSending()
                #expect(try peer.readToEnd().bytes.isEmpty)
            }
        }
    }

    @Test(arguments: backends, ExampleProtocol.all)
    func packetsMayBeSplitAnywhereAndGlued(_ backend: String, _ example: ExampleProtocol) async throws {
        try await TestThreads.light.run {
            let server = try ExampleServer(example, backend)
            let other = try Client(server.endpoint)
            var round = 1000
            /// When another connection has its answer, the process has read what came before.
            func waitUntilRead() throws {
                round += 1
                let exchange = example.exchanges(round)[0]
                try other.send(exchange.packet)
                #expect(try other.read(exchange.answer.count) == exchange.answer)
            }
            var place = 1
            while true {
                let exchanges = example.exchanges(place)
                let stream = exchanges.flatMap(\.packet)
                guard place < stream.count else { break }
                let client = try Client(server.endpoint)
                try client.send(Array(stream[..<place]))
                try waitUntilRead()
                try client.send(Array(stream[place...]))
                let answers = exchanges.flatMap(\.answer)
                #expect(try client.read(answers.count) == answers, "split at \(place)")
                place += 1
            }
            #expect(place > 20)
            let client = try Client(server.endpoint)
            for byte in example.exchanges(500).flatMap(\.packet) {
                try client.send([byte])
                try waitUntilRead()
            }
            let answers = example.exchanges(500).flatMap(\.answer)
            #expect(try client.read(answers.count) == answers, "byte by byte")
            let many = (600..<700).flatMap(example.exchanges)
            try client.send(many.flatMap(\.packet))
            #expect(try client.read(many.map(\.answer.count).reduce(0, +)) == many.flatMap(\.answer), "glued")
            #expect(server.hasNotCrashed)
        }
    }

    /// Each ends its connection with a line in the log; others, and the process, go on.
    @Test(arguments: backends, ExampleProtocol.all)
    func whatIsNotTheProtocolEndsItsConnectionAlone(_ backend: String, _ example: ExampleProtocol) async throws {
        try await TestThreads.light.run {
            let server = try ExampleServer(example, backend)
            let worker = try #require(server.worker)
            let other = try Client(server.endpoint)
            for (round, invalid) in example.invalid.enumerated() {
                let excerpt = "\(invalid.prefix(20))"
                let client = try Client(server.endpoint)
                let good = example.exchanges(2 * round)[0]
                try client.send(good.packet + invalid)
                #expect(try client.read(good.answer.count) == good.answer)
                #expect(try client.readToEnd().bytes.isEmpty, "\(excerpt)")
                let next = example.exchanges(2 * round + 1)[0]
                try other.send(next.packet)
                #expect(try other.read(next.answer.count) == next.answer, "after \(excerpt)")
                let complaints = server.service.log.split(separator: "\n").count {
                    $0.contains("Error package. ") || $0.contains(" failed: the message is not valid JSON")
                        || $0.contains(" failed: the document is not UTF-8")
                }
                #expect(complaints == round + 1, "\(excerpt): \(server.service.log)")
            }
            #expect(server.worker == worker)
            #expect(server.hasNotCrashed)
        }
    }

    /// Bytes at random, and packets with bytes changed at random: none crashes the process.
    @Test(arguments: ExampleProtocol.all)
    func garbageIsSurvived(_ example: ExampleProtocol) async throws {
        try await TestThreads.light.run {
            let server = try ExampleServer(example, "epoll")
            let worker = try #require(server.worker)
            var random = SeededGenerator(seed: 20_261_124)
            for round in 0..<200 {
                var bytes = example.exchanges(round).flatMap(\.packet)
                if round % 4 == 0 { bytes = bytes.map { _ in UInt8.random(in: 0...255, using: &random) } }
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                let client = try Client(server.endpoint)
                _ = try client.sendWhilePossible(bytes)
                client.finishSending()
                _ = try client.readToEnd()
            }
            let last = example.exchanges(9999)[0]
            let client = try Client(server.endpoint)
            try client.send(last.packet)
            #expect(try client.read(last.answer.count) == last.answer)
            #expect(server.worker == worker)
            #expect(server.hasNotCrashed)
        }
    }
}
