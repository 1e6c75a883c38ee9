import Foundation
import TestSupport
import Testing

/// The two file protocols of spec 05 §13: whatever a client calls its file, it becomes a new file in the folder.
@Suite struct FileTransferTests {
    /// What clients may say, and the name that is made of it. No two become the same.
    private static let names: [(said: String, saved: String)] = [
        ("../../etc/passwd", "______etc_passwd"), ("..", "__"), (".", "_"), ("", "unnamed"), ("/", "_-2"),
        (".bashrc", "_bashrc"), ("/etc/shadow", "_etc_shadow"), ("d/e.txt", "d_e.txt"), ("f\\g.txt", "f_g.txt"),
        ("h\0i", "h_i"), ("j\nk", "j_k"), ("\u{1B}[2Jl", "__2Jl"), ("-rf", "_rf"), ("--into", "__into"),
        ("m..n", "m._n"), ("o../p", "o.__p"), ("%2e%2e%2fq", "_2e_2e_2fq"), ("~root", "_root"), ("$(r)", "__r_"),
        ("s t.txt", "s_t.txt"), ("grün-ß.txt", "grün-ß.txt"), ("\u{202E}gpj.exe", "_gpj.exe"),
        (String(repeating: "x", count: 255), String(repeating: "x", count: 100)),
        (String(repeating: "x", count: 101), String(repeating: "x", count: 100) + "-2"),
        (String(repeating: "ü", count: 127), String(repeating: "ü", count: 50)),
    ]

    private func packet(_ example: ExampleProtocol, _ name: String, _ data: String) throws -> [UInt8] {
        if example.name == "BinaryTransfer" { return ExampleProtocol.file(name, ExampleProtocol.bytes(data)) }
        let line = ["file_name": name, "file_data": Data(data.utf8).base64EncodedString()]
        return Array(try JSONEncoder().encode(line)) + [0x0A]
    }

    private func contents(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    @Test(arguments: backends, [ExampleProtocol.binary, .text])
    func namesOfClientsAreHarmless(_ backend: String, _ example: ExampleProtocol) async throws {
        try await TestThreads.light.run {
            let outer = try TemporaryFolder()
            let into = outer.file("into")
            defer { try? FileManager.default.removeItem(atPath: into) }
            let service = try Service("Examples", example.name, backend, ["--on", "127.0.0.1:0", "--into", into])
            let (_, endpoint) = try service.start()
            let client = try Client(endpoint)
            for (said, saved) in Self.names {
                try client.send(try packet(example, said, said))
                #expect(try client.readLine() == "saved \(said.utf8.count) bytes as \(saved)")
                #expect(readText("\(into)/\(saved)") == said)
            }
            #expect(try contents(into) == Self.names.map(\.saved).sorted())
            #expect(try contents(outer.path) == ["into"])
            // Names need not be text.
            guard example.name == "BinaryTransfer" else { return }
            try client.send(ExampleProtocol.file([0xFF, 0x2F, 0xC3], [1]))
            #expect(try client.readLine() == "saved 1 bytes as ___")
        }
    }

    /// Neither a file that is there nor what a link points to is touched.
    @Test(arguments: backends, [ExampleProtocol.binary, .text])
    func nothingIsOverwritten(_ backend: String, _ example: ExampleProtocol) async throws {
        try await TestThreads.light.run {
            let server = try ExampleServer(example, backend)
            let outside = try TemporaryFolder()
            try writeText("mine", to: server.files.file("a.tar.gz"))
            try writeText("mine", to: outside.file("victim"))
            for (link, target) in [("link", outside.file("victim")), ("dangling", outside.file("none"))] {
                try FileManager.default.createSymbolicLink(
                    atPath: server.files.file(link), withDestinationPath: target)
            }
            let client = try Client(server.endpoint)
            for (said, saved) in [
                ("a.tar.gz", "a.tar-2.gz"), ("a.tar.gz", "a.tar-3.gz"), ("link", "link-2"), ("dangling", "dangling-2"),
            ] {
                try client.send(try packet(example, said, saved))
                #expect(try client.readLine() == "saved \(saved.utf8.count) bytes as \(saved)")
                #expect(server.files.text(saved) == saved)
            }
            #expect(server.files.text("a.tar.gz") == "mine")
            #expect(try contents(outside.path) == ["victim"])
            #expect(outside.text("victim") == "mine")
        }
    }

    @Test(arguments: backends, [ExampleProtocol.binary, .text])
    func largeFiles(_ backend: String, _ example: ExampleProtocol) async throws {
        try await TestThreads.light.run {
            let server = try ExampleServer(example, backend)
            let folder = try TemporaryFolder()
            let large = Data((0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) })
            try large.write(to: URL(fileURLWithPath: folder.file("large")))
            try Data(count: 11_000_000).write(to: URL(fileURLWithPath: folder.file("huge")))
            let to = ["--to", "\(server.endpoint)"]

            let first = try ExampleClient(example.name + "Client", to + [folder.file("large")])
            #expect(first.status == .code(0), "\(first)")
            #expect(first.output == "saved 5000000 bytes as large")
            #expect(try Data(contentsOf: URL(fileURLWithPath: server.files.file("large"))) == large)

            // More than maxPackageSize.
            let other = try Client(server.endpoint)
            let refused = try ExampleClient(example.name + "Client", to + [folder.file("huge")])
            #expect(refused.status == .code(1), "\(refused)")
            #expect(refused.output.isEmpty)
            #expect(refused.errors.hasPrefix("\(example.name)Client: "), "\(refused.errors)")
            #expect(refused.errors.split(separator: "\n").count == 1)
            #expect(server.service.log.contains("Error package. "))
            try other.send(example.exchanges(1)[0].packet)
            #expect(try other.readLine() == "saved 4 bytes as a1.txt")
            #expect(try contents(server.files.path) == ["a1.txt", "large"])
            #expect(server.hasNotCrashed)
        }
    }

    @Test func aFreshFolderUnlessOneIsNamed() async throws {
        try await TestThreads.light.run {
            let service = try Service("Examples", "BinaryTransfer", "epoll", ["--on", "127.0.0.1:0"])
            let (_, endpoint) = try service.start()
            let client = try Client(endpoint)
            try client.send(ExampleProtocol.binary.exchanges(1)[0].packet)
            #expect(try client.readLine() == "saved 4 bytes as a1.txt")
            let folder = try #require(
                service.log.split(separator: "\n").compactMap { line in
                    line.range(of: " saves files in ").map { String(line[$0.upperBound...]) }
                }.first)
            #expect(folder.hasPrefix("/tmp/apus-files-"))
            defer { try? FileManager.default.removeItem(atPath: folder) }
            #expect(try contents(folder) == ["a1.txt"])
            let mode = { try FileManager.default.attributesOfItem(atPath: $0)[.posixPermissions] as? Int }
            #expect(try mode(folder) == 0o700)
            #expect(try mode(folder + "/a1.txt") == 0o600)
            #expect(readText(folder + "/a1.txt") == "data")
        }
    }

    /// What cannot be saved is said to the client, and leaves nothing behind.
    @Test func aFolderThatIsGone() async throws {
        try await TestThreads.light.run {
            let outer = try TemporaryFolder()
            let into = outer.file("into")
            let service = try Service("Examples", "TextTransfer", "epoll", ["--on", "127.0.0.1:0", "--into", into])
            let (_, endpoint) = try service.start()
            // The worker makes the folder before it accepts.
            let client = try Client(endpoint)
            try client.send(ExampleProtocol.text.exchanges(1)[0].packet)
            #expect(try client.readLine() == "saved 4 bytes as a1.txt")
            try FileManager.default.removeItem(atPath: into)
            try writeText("data", to: outer.file("a.txt"))
            let outcome = try ExampleClient("TextTransferClient", ["--to", "\(endpoint)", outer.file("a.txt")])
            #expect(outcome.status == .code(1))
            #expect(outcome.errors.contains("not saved: cannot open a file: No such file or directory"), "\(outcome)")
            #expect(service.log.contains("is lost: cannot open a file"))
        }
    }
}
