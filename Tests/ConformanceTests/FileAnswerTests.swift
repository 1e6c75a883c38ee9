import Glibc
import TestSupport
import Testing

/// Answers whose body is a file: what they say, and of which bytes they are. Spec 05 §5.
@Suite struct FileAnswerTests {
    @Test(arguments: Setup.all)
    func smallAndLargeFilesArriveWhole(_ setup: Setup) async throws {
        try await withFiles(setup) { server, folder in
            let client = try server.connect()
            for count in [0, 1, 100, 16_384, 16_385, 49_152, 49_153, 262_144, 262_145, 3_000_000] {
                let bytes = try folder.make("f.txt", count)
                let reply = try client.get("/f.txt")
                #expect(reply.statusLine == "HTTP/1.1 200 OK")
                #expect(reply.body == bytes, "\(count) bytes")
                #expect(reply["Content-Type"] == "text/plain" && reply["Accept-Ranges"] == "bytes")
                #expect(reply["Content-Disposition"] == nil && reply["Content-Range"] == nil)
                #expect(reply["Last-Modified"]?.hasSuffix(" GMT") == true)
                #expect(reply["ETag"]?.hasPrefix("\"") == true && reply.count("Date") == 1)
                #expect(try client.get("/f.txt?later").body == bytes)
            }
        }
    }

    @Test(arguments: Setup.all)
    func headHasTheSameFieldsAndNoBody(_ setup: Setup) async throws {
        try await withFiles(setup) { server, folder in
            let client = try server.connect()
            for count in [0, 10, 1_000_000] {
                try folder.make("f.css", count)
                let reply = try client.get("/f.css")
                let head = try client.request("HEAD /f.css", ["Range: bytes=0-1"], toHead: true)
                #expect(head.status == 200 && head["Content-Length"] == "\(count)")
                for name in ["ETag", "Last-Modified", "Content-Type", "Accept-Ranges", "Content-Length"] {
                    #expect(head[name] == reply[name] && head.count(name) == 1)
                }
                #expect(try client.request("HEAD /missing", toHead: true).status == 404)
                #expect(try client.get("/f.css?small").text == "small")
            }
        }
    }

    @Test(arguments: Setup.all)
    func rangesAreExact(_ setup: Setup) async throws {
        try await withFiles(setup) { server, folder in
            let client = try server.connect()
            for size in [1000, 1_000_000] {
                let bytes = try folder.make("f.bin", size)
                for (field, range) in [
                    ("0-0", 0..<1), ("0-499", 0..<500), ("500-", 500..<size), ("-1", (size - 1)..<size),
                    ("-5000000", 0..<size), ("999-99999999", 999..<size), ("10-20,15-30", 10..<31), ("0-", 0..<size),
                ] {
                    let reply = try client.request("GET /f.bin", ["Range: bytes=\(field)"])
                    #expect(reply.statusLine == "HTTP/1.1 206 Partial Content")
                    #expect(reply.body == Array(bytes[range]), "\(field) of \(size)")
                    #expect(reply["Content-Range"] == "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)")
                    #expect(reply["Content-Type"] == "application/octet-stream")
                }
                let reply = try client.request("GET /f.bin", ["Range: bytes=\(size)-"])
                #expect(reply.status == 416 && reply["Content-Range"] == "bytes */\(size)")
                for field in ["bytes=5-1", "lines=1-2", "bytes=0-,0-"] {
                    let reply = try client.request("GET /f.bin", ["Range: \(field)"])
                    #expect(reply.status == 200 && reply.body == bytes && reply["Content-Range"] == nil)
                }
            }
            try folder.make("f.bin", 0)
            #expect(try client.request("GET /f.bin", ["Range: bytes=0-"]).status == 416)
            #expect(try client.request("GET /f.bin", ["Range: bytes=-1"]).status == 200)
        }
    }

    @Test(arguments: Setup.all)
    func severalRangesComeAsMultipart(_ setup: Setup) async throws {
        try await withFiles(setup) { server, folder in
            let client = try server.connect()
            let bytes = try folder.make("f.txt", 2_000_000)
            for ranges in [[0..<1, 1_999_999..<2_000_000], [900_000..<1_900_000, 0..<700_000, 800_000..<800_010]] {
                let field = ranges.map { "\($0.lowerBound)-\($0.upperBound - 1)" }.joined(separator: ", ")
                let reply = try client.request("GET /f.txt", ["Range: bytes=\(field)"])
                let type = try #require(reply["Content-Type"])
                #expect(reply.status == 206 && type.hasPrefix("multipart/byteranges; boundary="))
                #expect(reply["Content-Range"] == nil)
                let boundary = type.split(separator: "=")[1]
                var expected: [UInt8] = []
                for range in ranges {
                    let head = """
                        \(expected.isEmpty ? "" : "\r\n")--\(boundary)\r\nContent-Type: text/plain\r
                        Content-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/2000000\r\n\r\n
                        """
                    expected += Array(head.utf8) + bytes[range]
                }
                #expect(reply.body == expected + Array("\r\n--\(boundary)--\r\n".utf8))
            }
            #expect(try client.get("/f.txt?small").text == "small")
        }
    }

    @Test(arguments: Setup.all)
    func conditionsAreFollowed(_ setup: Setup) async throws {
        try await withFiles(setup) { server, folder in
            let bytes = try folder.make("f.txt", 100_000)
            let client = try server.connect()
            let first = try client.get("/f.txt?cached")
            let tag = try #require(first["ETag"])
            let modified = try #require(first["Last-Modified"])
            #expect(first["Cache-Control"] == "max-age=60")
            let old = "Sun, 06 Nov 1994 08:49:37 GMT"
            for (fields, status) in [
                (["If-None-Match: \(tag)"], 304), (["If-None-Match: \"x\", W/\(tag)"], 304),
                (["If-None-Match: \"x\"", "If-None-Match: \(tag)"], 304), (["If-None-Match: \"x\""], 200),
                (["If-Modified-Since: \(modified)"], 304), (["If-Modified-Since: \(old)"], 200),
                (["If-Match: \(tag)"], 200), (["If-Match: \"x\""], 412), (["If-Unmodified-Since: \(old)"], 412),
                (["If-Unmodified-Since: \(modified)"], 200),
                (["Range: bytes=0-9", "If-Range: \(tag)"], 206), (["Range: bytes=0-9", "If-Range: \(modified)"], 206),
                (["Range: bytes=0-9", "If-Range: \"x\""], 200), (["Range: bytes=0-9", "If-None-Match: \(tag)"], 304),
            ] {
                let reply = try client.request("GET /f.txt?cached", fields)
                #expect(reply.status == status, "\(fields)")
                if status == 304 {
                    #expect(reply["ETag"] == tag && reply["Content-Length"] == nil && reply["Content-Type"] == nil)
                }
                if status == 412 {
                    #expect(reply["Cache-Control"] == nil)
                } else {
                    #expect(reply["Cache-Control"] != nil)
                }
                if status == 206 { #expect(reply.body == Array(bytes[..<10])) }
            }
            // The same bytes at another time are another state.
            try folder.make("f.txt", 100_000)
            folder.touch("f.txt", 784_111_777)
            let later = try client.request("GET /f.txt", ["If-None-Match: \(tag)"])
            #expect(later.status == 200 && later["ETag"] != tag && later["Last-Modified"] == old)
        }
    }

    @Test(arguments: Setup.all)
    func whatCannotBeSentIsSaid(_ setup: Setup) async throws {
        try await withFiles(setup) { server, folder in
            let client = try server.connect()
            try folder.make("f.txt", 10)
            for target in ["/missing", "/", "", "/fifo", "/f.txt/x", "/f.txt?nul", "/" + "x" * 5000, "/null"] {
                let reply = try client.get(target.isEmpty ? "/." : target)
                #expect(reply.statusLine == "HTTP/1.1 404 Not Found", "\(target)")
                #expect(reply.text == "<h3>404 Not Found</h3>" && reply["ETag"] == nil)
            }
            for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
                let reply = try client.request("\(method) /f.txt", ["Content-Length: 0"])
                #expect(reply.statusLine == "HTTP/1.1 405 Method Not Allowed" && reply["Allow"] == "GET, HEAD")
            }
            #expect(try client.get("/missing?replaced").text == "nothing of that name")
            let page = try client.get("/f.txt?page")
            #expect(page.status == 404 && page.body.count == 10 && page["Content-Type"] == "text/plain")
            #expect(try client.get("/f.txt").status == 200)
        }
    }

    @Test(arguments: Setup.all)
    func unknownTypesAreSaved(_ setup: Setup) async throws {
        try await withFiles(setup) { server, folder in
            let client = try server.connect()
            try folder.make("f.strange", 10)
            try folder.make("f.HTML", 10)
            try folder.make("f.svgz", 10)
            let strange = try client.get("/f.strange")
            #expect(strange["Content-Type"] == "application/octet-stream")
            #expect(strange["Content-Disposition"] == "attachment; filename=\"f.strange\"")
            let typed = try client.get("/f.strange?typed")
            #expect(typed["Content-Type"] == "text/plain" && typed["Content-Disposition"] == nil)
            #expect(try client.get("/f.HTML")["Content-Type"] == "text/html")
            #expect(try client.get("/f.svgz")["Content-Encoding"] == "gzip")
            #expect(
                try client.get("/f.HTML?saved")["Content-Disposition"]
                    == "attachment; filename=\"na_ve x.txt\"; filename*=UTF-8''na%C3%AFve%20x.txt")
        }
    }

    @Test(arguments: Setup.all)
    func theConnectionEndsBehindTheFileWhereItMust(_ setup: Setup) async throws {
        try await withFiles(setup) { server, folder in
            for count in [100, 2_000_000] {
                let bytes = try folder.make("f.txt", count)
                for (line, field) in [
                    ("GET /f.txt HTTP/1.1", "Connection: close"), ("GET /f.txt HTTP/1.0", "A: b"),
                    ("GET /f.txt?closed HTTP/1.1", "A: b"),
                ] {
                    let client = try server.connect()
                    try client.send("\(line)\r\nHost: h\r\n\(field)\r\n\r\n")
                    let reply = try client.readReply()
                    #expect(reply.body == bytes)
                    if !line.contains("?closed") { #expect(reply["Connection"] == "close") }
                    let end = try client.readToEnd()
                    #expect(end.bytes.isEmpty && end.ending == .finished)
                }
                // Whoever has finished sending gets all of it, and what follows.
                let client = try server.connect()
                try client.send("GET /f.txt HTTP/1.1\r\nHost: h\r\n\r\nGET /?small HTTP/1.1\r\nHost: h\r\n\r\n")
                client.finishSending()
                #expect(try client.readReply().body == bytes)
                #expect(try client.readReply().text == "small")
                #expect(try client.readToEnd().bytes.isEmpty)
            }
        }
    }
}
