import Glibc
import TestSupport
import Testing

/// The recipe that hands out the files of a folder, under a master.
@Suite struct FileDownloadTests {
    @Test(arguments: backends)
    func onlyFilesOfTheFolderAreHandedOut(_ backend: String) async throws {
        try await TestThreads.light.run {
            let outer = try TemporaryFolder()
            let folder = try TemporaryFolder()
            try writeText("secret", to: outer.file("secret.txt"))
            try writeText("secret", to: folder.file(".hidden"))
            try writeText("0123456789", to: folder.file("a.txt"))
            let service = try Service(
                "Examples", "FileDownload", backend, ["--on", "127.0.0.1:0", "--folder", folder.path])
            let (_, endpoint) = try service.start()
            let client = try Client(endpoint)
            #expect(try client.get("/a.txt").text == "0123456789")
            try client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\nRange: bytes=2-4\r\n\r\n")
            let part = try client.readReply()
            #expect(part.status == 206 && part.text == "234")
            let other = outer.path.split(separator: "/").last ?? ""
            for target in [
                "/", "/.", "/..", "/.hidden", "/../\(other)/secret.txt", "/..%2f\(other)%2fsecret.txt",
                "//tmp/\(other)/secret.txt", "/a.txt/", "/none", "/%2e%2e/\(other)/secret.txt",
            ] {
                #expect(try client.get(target).status == 404, "\(target)")
            }
        }
    }

    /// Root may read everything, so its worker has to be somebody else.
    @Test(arguments: backends)
    func whatMayNotBeReadIsForbidden(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            try writeText("secret", to: folder.file("secret.txt"))
            try writeText("public", to: folder.file("public.txt"))
            chmod(folder.path, 0o755)
            chmod(folder.file("secret.txt"), 0)
            chmod(folder.file("public.txt"), 0o644)
            let service = try Service(
                "ConformanceServer", "files", backend,
                ["--listen", "127.0.0.1:0", "--root", folder.path] + (getuid() == 0 ? ["--user", "nobody"] : []))
            let (_, endpoint) = try service.start()
            let client = try Client(endpoint)
            let reply = try client.get("/secret.txt")
            #expect(reply.statusLine == "HTTP/1.1 403 Forbidden" && reply.text == "<h3>403 Forbidden</h3>")
            #expect(try client.get("/public.txt").text == "public")
        }
    }
}
