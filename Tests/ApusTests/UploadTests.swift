import ApusProtocols
import Glibc
import TestSupport
import Testing

@testable import Apus

@Suite struct `Uploaded files` {
    private nonisolated static let type = "multipart/form-data; boundary=b"

    /// A form with one part for each of `parts`: what follows `form-data; `, and the content.
    private nonisolated static func body(_ parts: (String, String)...) -> String {
        parts.map { "--b\r\nContent-Disposition: form-data; \($0)\r\n\r\n\($1)\r\n" }.joined() + "--b--\r\n"
    }

    private static func form(_ parts: (String, String), _ options: FormOptions = FormOptions()) -> TestRequest {
        TestRequest(form: type, body(parts), forms: options)
    }

    @Test func `Fields and files stand apart`() throws {
        let body =
            Self.body(("name=\"a\"", "1"), ("name=\"f\"; filename=\"x.txt\"\r\nContent-Type: text/plain", "one"))
            .dropLast(6)
            + Self.body(
                ("name=\"f\"; filename=\"y.bin\"", "two\r\n"), ("name=\"none\"; filename=\"\"", ""),
                ("name=\"g[]\"; filename=\"\"", "3"), ("name=\"a\"", "é+%41"), ("name=\"l[]\"", "l"))
        let request = TestRequest(form: Self.type, String(body)).request
        let form = try request.form
        #expect(form.map { "\($0.name)=\($0.value)" } == ["a=1", "a=é+%41", "l[]=l"])
        #expect(form["a"] == "é+%41")
        #expect(form["f"] == nil)
        #expect(form.all("l") == ["l"])
        #expect(form.nested["l"] == .array([.string("l")]))
        let files = try request.files
        #expect(files.map(\.name) == ["f", "f", "g[]"])
        #expect(files["f"]?.clientName == "y.bin")
        #expect(files["f"]?.contentType == nil)
        #expect(try files["f"]?.bytes.string == "two\r\n")
        #expect(files.all("f").map(\.size) == [3, 5])
        #expect(files[0].contentType == "text/plain")
        #expect(try files.all("g")[0].bytes.array == [0x33])
        #expect(files["none"] == nil)
    }

    @Test func `Names of files lose what leads elsewhere, and fullPath keeps it`() throws {
        let header = "name=f; filename=\"../../etc/passwd\"\r\nwebkitRelativePath: photos/../cat.jpg"
        let file = try #require(try Self.form((header, "x")).request.files["f"])
        #expect(file.clientName == "cat.jpg")
        #expect(file.fullPath == "photos/../cat.jpg")
        let other = try #require(try Self.form(("name=f; filename=\"../../etc/passwd\"", "x")).request.files["f"])
        #expect(other.clientName == "passwd")
        #expect(other.fullPath == "../../etc/passwd")
    }

    @Test(arguments: [
        ("", 400, "the multipart form has no boundary"), ("--c\r\n", 400, "the multipart form has no boundary"),
        ("--b\r\n\r\nx\r\n--b--", 400, "a part of the multipart form is malformed"),
        (body(("name=a", "1")).replacing("--b--", with: "--b"), 400, "the multipart form is not complete"),
        (body(("name=a", "1"), ("name=b", "2"), ("name=c", "3")), 413, "the multipart form has more than 2 parts"),
        (body(("name=abcdef", "1")), 413, "a field's name has more than 5 bytes"),
        (
            body(("name=a\r\nX: \(String(repeating: "x", count: 100))", "1")), 413,
            "a part's header has more than 100 bytes"
        ),
        (body(("name=a\r\nContent-Transfer-Encoding: base64", "MQ==")), 415, "parts of a form are not to be encoded"),
    ])
    func `What cannot be read is refused, each time it is asked for`(_ body: String, _ code: Int, _ text: String) {
        let options = FormOptions(maxParts: 2, maxPartHeadBytes: 100, maxNameBytes: 5)
        let request = TestRequest(form: Self.type, body, forms: options).request
        for _ in 0..<2 {
            let error = #expect(throws: HTTPError.self) { try request.form }
            #expect(error?.status.code == code)
            #expect(error?.message == text)
            #expect(throws: HTTPError.self) { try request.files }
        }
    }

    @Test(arguments: [
        "", "; boundary=", "; boundary=\"b", "; boundary=b; boundary=b",
        "; boundary=\(String(repeating: "b", count: 71))",
    ])
    func `Without a boundary there is no form`(_ parameter: String) {
        let request = TestRequest(form: "multipart/form-data\(parameter)", Self.body(("name=a", "1"))).request
        let error = #expect(throws: HTTPError.self) { try request.form }
        #expect(error?.description == "400 Bad Request: the multipart form has no boundary")
    }

    // MARK: Files on disk

    private func permissions(_ path: String) -> mode_t? {
        var info = stat()
        return lstat(path, &info) == 0 ? info.st_mode : nil
    }

    @Test func `A temporary file is written once, and goes with the request`() throws {
        let folder = try TemporaryFolder()
        let test = Self.form(("name=f; filename=x", "content"), FormOptions(temporaryFolder: folder.path))
        let request = test.request
        let path = try #require(try request.files["f"]).temporaryPath
        #expect(path.hasPrefix("\(folder.path)/apus.upload.") && path.utf8.count == folder.path.utf8.count + 19)
        #expect(try request.files["f"]?.temporaryPath == path)
        #expect(readText(path) == "content")
        #expect(permissions(path) == S_IFREG | 0o600)
        request.recycle()
        #expect(permissions(path) == nil)
    }

    @Test func `A file that is kept keeps its request and the temporary file`() throws {
        let folder = try TemporaryFolder()
        var kept: UploadedFile?
        var path = ""
        do {
            let test = Self.form(("name=f; filename=x", "content"), FormOptions(temporaryFolder: folder.path))
            kept = try test.request.files["f"]
            path = try #require(try kept?.temporaryPath)
        }
        #expect(try kept?.bytes.string == "content")
        #expect(readText(path) == "content")
        kept = nil
        #expect(permissions(path) == nil)
    }

    @Test func `A moved file appears complete, and the temporary one is gone`() throws {
        let folder = try TemporaryFolder()
        let test = Self.form(("name=f; filename=x", "content"), FormOptions(temporaryFolder: folder.path))
        let file = try #require(try test.request.files["f"])
        let path = try file.temporaryPath
        let target = folder.file("moved")
        try writeText("older", to: target)
        try file.move(to: target)
        #expect(readText(target) == "content")
        #expect(permissions(target) == S_IFREG | 0o644)
        #expect(permissions(path) == nil)
        try file.move(to: target, permissions: 0o600)
        #expect(permissions(target) == S_IFREG | 0o600)
        let longest = folder.file(String(repeating: "x", count: 255))
        try file.move(to: longest)
        #expect(readText(longest) == "content")
        test.request.recycle()
        #expect(readText(target) == "content")
    }

    @Test func `A symbolic link is replaced, not followed`() throws {
        let folder = try TemporaryFolder()
        try writeText("precious", to: folder.file("precious"))
        #expect(symlink(folder.file("precious"), folder.file("link")) == 0)
        let test = Self.form(("name=f; filename=x", "content"))
        try test.request.files[0].move(to: folder.file("link"))
        #expect(folder.text("precious") == "precious")
        #expect(folder.text("link") == "content")
    }

    @Test func `What cannot be written is an error that leaves nothing behind`() throws {
        let folder = try TemporaryFolder()
        let nowhere = FormOptions(temporaryFolder: "\(folder.path)/none")
        let file = try #require(try Self.form(("name=f; filename=x", "content"), nowhere).request.files["f"])
        let error = #expect(throws: SystemError.self) { try file.temporaryPath }
        #expect(error?.code == ENOENT)
        #expect(throws: SystemError.self) { try file.move(to: "\(folder.path)/none/x") }
        #expect(throws: SystemError.self) { try file.move(to: folder.path) }
        #expect(throws: SystemError.self) { try file.move(to: "\(folder.path)/a\0b") }
        #expect(permissions("\(folder.path)/a") == nil)
        #expect(errnoOfReading(folder.path) == nil)
    }

    /// Nil when the folder is empty.
    private func errnoOfReading(_ path: String) -> String? {
        guard let folder = opendir(path) else { return "cannot be read" }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        return count == 2 ? nil : "\(count) entries"
    }
}
