import Glibc
import TestSupport
import Testing

/// Files that are kept open and in memory: what changes on the disk is seen, and what is kept is bounded.
@Suite struct SiteCacheTests {
    @Test(arguments: Setup.eachBackend, [60, 0])
    func changesAreSeen(_ setup: Setup, _ age: Int) async throws {
        try await withSite(setup) { server, folder in
            let client = try server.connect()
            #expect(try client.get("/a.txt").status == 404)
            try folder.write("one", to: "a.txt", age: age)
            let first = try client.get("/a.txt")
            #expect(first.text == "one")
            #expect(try client.get("/a.txt").text == "one")
            // In place, and of the same size.
            try folder.write("two", to: "a.txt", age: age == 0 ? 0 : age - 10)
            let second = try client.get("/a.txt")
            #expect(second.text == "two" && (age == 0 || second["ETag"] != first["ETag"]))
            // Another file of the same size and time.
            try folder.write("six", to: "b.txt", age: age)
            rename(folder.file("b.txt"), folder.file("a.txt"))
            #expect(try client.get("/a.txt").text == "six")
            truncate(folder.file("a.txt"), 1)
            #expect(try client.get("/a.txt").text == "s")
            unlink(folder.file("a.txt"))
            #expect(try client.get("/a.txt").status == 404)
            folder.makeFolder("a.txt")
            #expect(try client.get("/a.txt").status == 301)
            // The folder as a whole.
            rename(folder.root, folder.beside("old"))
            #expect(try client.get("/a.txt").status == 404)
            mkdir(folder.root, 0o755)
            try folder.write("new", to: "a.txt", age: age)
            #expect(try client.get("/a.txt").text == "new")
        }
    }

    @Test(arguments: Setup.eachBackend)
    func whatIsKnownIsServedForAWhile(_ setup: Setup) async throws {
        try await withSite(setup, ["--interval", "3600"]) { server, folder in
            let client = try server.connect()
            try folder.write("one", to: "a.txt")
            let large = "0123456789" * 200_000
            try folder.write(large, to: "large.txt")
            #expect(try client.get("/a.txt").text == "one")
            #expect(try client.get("/large.txt").text == large)
            let opened = try #require(server.process.facts).descriptorCount
            unlink(folder.file("a.txt"))
            unlink(folder.file("large.txt"))
            for _ in 0..<20 {
                #expect(try client.get("/a.txt").text == "one")
                #expect(try client.get("/large.txt").text == large)
            }
            #expect(try #require(server.process.facts).descriptorCount == opened)
        }
    }

    @Test(arguments: Setup.eachBackend)
    func descriptorsAndMemoryAreBounded(_ setup: Setup) async throws {
        let bounds = ["--interval", "3600", "--open-files", "16", "--cached-bytes", "1000000"]
        try await withSite(setup, bounds) { server, folder in
            let client = try server.connect()
            let text = "x" * 90_000
            for number in 0..<60 { try folder.write(text + "\(number)", to: "\(number).txt") }
            #expect(try client.get("/0.txt").text == text + "0")
            let facts = try #require(server.process.facts)
            let before = (facts.descriptorCount, facts.residentBytes)
            for _ in 0..<2 {
                for number in 0..<60 { #expect(try client.get("/\(number).txt").text == text + "\(number)") }
            }
            // Each byte of a path may be written in three ways.
            let ways = Array("1.txt".utf8).reduce([""]) { ways, byte in
                let code = String(byte, radix: 16)
                return ways.flatMap {
                    [$0 + String(UnicodeScalar(byte)), "\($0)%\(code)", "\($0)%\(code.uppercased())"]
                }
            }
            for way in ways { #expect(try client.get("/" + way).status == 200) }
            for number in 1...1000 { #expect(try client.get("/" + "/" * (number % 100 + 1) + "1.txt").status == 301) }
            #expect(facts.descriptorCount <= before.0 + 16)
            #expect(facts.residentBytes - before.1 < 4_000_000, "\(facts.residentBytes - before.1) bytes more")
        }
    }

    /// One copy for all who are sent it, also those who read slowly or want a part, and none of larger files.
    @Test(arguments: Setup.all)
    func filesUpToTwoMebibytesAreSentFromMemory(_ setup: Setup) async throws {
        try await withSite(setup, ["--interval", "3600"]) { server, folder in
            let text = String((0..<200_000).map { "\($0)\n" }.joined().prefix(1_200_000))
            let larger = text + text
            try folder.write(text, to: "kept.txt")
            try folder.write(larger, to: "larger.txt")
            let client = try server.connect()
            #expect(try client.get("/kept.txt").text == text)
            #expect(try client.get("/larger.txt").text == larger)
            let slow = try server.connect(receiveBuffer: 4096)
            try slow.send("GET /kept.txt HTTP/1.1\r\nHost: h\r\n\r\nGET /kept.txt HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try slow.read(through: "\r\n\r\n")
            // In place: what is read from the file now is something else.
            try folder.write("x" * text.utf8.count, to: "kept.txt")
            try folder.write("x" * larger.utf8.count, to: "larger.txt")
            for _ in 0..<3 {
                let isKept = try client.get("/kept.txt").text == text
                #expect(isKept)
            }
            let part = try client.request("GET /kept.txt", ["Range: bytes=1000000-1100000"])
            #expect(part.status == 206 && part.text == String(text.dropFirst(1_000_000).prefix(100_001)))
            let isNew = try client.get("/larger.txt").text == "x" * larger.utf8.count
            #expect(isNew)
            let first = try String(decoding: slow.read(text.utf8.count), as: UTF8.self) == text
            let second = try slow.readReply().text == text
            #expect(first && second)
        }
    }

    @Test(arguments: Setup.eachBackend)
    func aLargeFileCostsNoMemory(_ setup: Setup) async throws {
        try await withSite(setup) { server, folder in
            let count = 50_000_000
            let fd = open(folder.file("large.bin"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
            #expect(ftruncate(fd, count) == 0)
            var one: UInt8 = 1
            for offset in stride(from: 0, to: count, by: 100_000) { pwrite(fd, &one, 1, offset) }
            close(fd)
            try folder.write("small", to: "small.txt")
            let slow = try server.connect(receiveBuffer: 16384)
            let client = try server.connect()
            #expect(try client.get("/small.txt").text == "small")
            let facts = try #require(server.process.facts)
            let before = facts.residentBytes
            try slow.send("GET /large.bin HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try slow.read(through: "\r\n\r\n")
            var most = 0
            for _ in 0..<10 {
                try slow.checkSparse(count / 10)
                #expect(try client.get("/small.txt").text == "small")
                most = max(most, facts.residentBytes)
            }
            #expect(most - before < 3_000_000, "\(most - before) bytes more")
            #expect(try slow.get("/small.txt").text == "small")
        }
    }

    @Test(arguments: Setup.eachBackend)
    func aSlowClientGetsTheStateItAskedFor(_ setup: Setup) async throws {
        try await withSite(setup) { server, folder in
            let old = "old " * 200_000
            try folder.write(old, to: "a.txt")
            let slow = try server.connect(receiveBuffer: 4096)
            try slow.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try slow.read(through: "\r\n\r\n")
            try folder.write("new " * 1000, to: "b.txt", age: 30)
            rename(folder.file("b.txt"), folder.file("a.txt"))
            #expect(try server.connect().get("/a.txt").text == "new " * 1000)
            #expect(try String(decoding: slow.read(old.utf8.count), as: UTF8.self) == old)
            #expect(try slow.get("/a.txt").text == "new " * 1000)
        }
    }
}
