import Glibc
import TestSupport
import Testing

/// What paths of requests lead to when a folder is served: nothing outside of it, and nothing hidden. Spec 06 §1.
@Suite struct SitePathTests {
    @Test(arguments: Setup.eachBackend)
    func nothingOutsideIsServed(_ setup: Setup) async throws {
        try await withSite(setup) { server, folder in
            try folder.write("secret", to: folder.beside("secret.txt"))
            mkdir(folder.beside("site2"), 0o755)
            try folder.write("secret", to: folder.beside("site2/secret.txt"))
            try folder.write("fine", to: "a.txt")
            folder.makeFolder("sub")
            folder.link("out", to: "../secret.txt")
            folder.link("absolute", to: folder.beside("secret.txt"))
            folder.link("parent", to: "..")
            folder.link("sub/deep", to: "../../secret.txt")
            folder.link("proc", to: "/proc/self/cwd")
            folder.link("null", to: "/dev/null")
            mkfifo(folder.file("fifo"), 0o644)
            let client = try server.connect()
            for target in [
                "/../secret.txt", "/%2e%2e/secret.txt", "/.%2e/secret.txt", "/..%2fsecret.txt", "/%2e%2e%2fsecret.txt",
                "/%252e%252e%252fsecret.txt", "/..\\secret.txt", "/..%5csecret.txt", "/%c0%ae%c0%ae/secret.txt",
                "/..%c0%afsecret.txt", "/../site2/secret.txt", "/site2/secret.txt", "/sub/../../secret.txt",
                "/out", "/absolute", "/parent/secret.txt", "/parent/", "/sub/deep", "/proc/", "/null", "/fifo",
                "/a.txt%00", "/a.txt%00.html", "/%00", "/..;/secret.txt", "/.../secret.txt", "/a.txt/", "/a.txt/.",
                "/a.txt.", "/a.txt%20", "/a.txt::$DATA", "/./a.txt", "/sub/../a.txt", "/.", "/..", "//../secret.txt",
                "/etc/passwd", "//etc/passwd", "/%2fetc%2fpasswd", "/%2Fetc/passwd", "/~root", "/A.TXT",
                "/" + "x" * 5000, "/" + "x/" * 3000, "/%", "/%2", "/%zz",
            ] {
                let reply = try client.get(target)
                #expect(reply.status == 404 && reply.text == "<h3>404 Not Found</h3>", "\(target.prefix(40))")
                #expect(reply["X-Site"] == "first")
            }
            for target in ["/a.txt", "/%61.txt", "/a%2etxt", "/a.txt?../../secret.txt", "/a.txt?%00"] {
                #expect(try client.get(target).text == "fine", "\(target)")
            }
        }
    }

    @Test(arguments: Setup.eachBackend)
    func linksAreFollowedInside(_ setup: Setup) async throws {
        try await withSite(setup) { server, folder in
            folder.makeFolder("sub")
            try folder.write("fine", to: "sub/a.txt")
            folder.link("b.txt", to: "sub/a.txt")
            folder.link("sub/c.txt", to: "../b.txt")
            folder.link("other", to: "sub")
            folder.link("loop", to: "loop")
            let client = try server.connect()
            for target in ["/b.txt", "/sub/c.txt", "/other/a.txt"] { #expect(try client.get(target).text == "fine") }
            #expect(try client.get("/loop").status == 404)
        }
        try await withSite(setup, ["--symlinks", "1"]) { server, folder in
            try folder.write("outside", to: folder.beside("o.txt"))
            folder.link("o.txt", to: "../o.txt")
            folder.link("p.txt", to: folder.beside("o.txt"))
            let client = try server.connect()
            #expect(try client.get("/o.txt").text == "outside")
            #expect(try client.get("/p.txt").text == "outside")
            #expect(try client.get("/../o.txt").status == 404)
        }
    }

    @Test(arguments: Setup.eachBackend)
    func hiddenFilesStayHidden(_ setup: Setup) async throws {
        try await withSite(setup, ["--browse", "1", "--fallback", "index.html"]) { server, folder in
            try folder.write("index", to: "index.html")
            for name in [".git", ".well-known", "sub", "sub/.well-known"] {
                folder.makeFolder(name)
                try folder.write("inside", to: "\(name)/config")
            }
            try folder.write("hidden", to: ".htpasswd")
            try folder.write("hidden", to: ".well-known/.x")
            let client = try server.connect()
            for target in [
                "/.htpasswd", "/%2ehtpasswd", "/.git/config", "/.git/", "/.git", "/sub/.well-known/config",
                "/.well-known/.x", "/.well-known2", "/.none",
            ] {
                #expect(try client.get(target).status == 404, "\(target)")
            }
            #expect(try client.get("/.well-known/config").text == "inside")
            #expect(try !client.get("/sub/").text.contains("well-known"))
        }
        try await withSite(setup, ["--hidden", "1"]) { server, folder in
            try folder.write("seen", to: ".htaccess")
            let client = try server.connect()
            #expect(try client.get("/.htaccess").text == "seen")
            #expect(try client.get("/..").status == 404)
        }
    }

    /// One place has one path: others are sent there, and not to another host.
    @Test(arguments: Setup.eachBackend)
    func slashesInARowAreSentToOne(_ setup: Setup) async throws {
        let options = ["--browse", "1", "--page", "pages//404.html", "--fallback", "//pages//app.html"]
        try await withSite(setup, options) { server, folder in
            for name in ["sub", "pages", "list"] { folder.makeFolder(name) }
            try folder.write("fine", to: "a.txt")
            try folder.write("inside", to: "sub/b c.txt")
            try folder.write("index", to: "sub/index.html")
            try folder.write("none", to: "pages/404.html")
            try folder.write("application", to: "pages/app.html")
            let client = try server.connect()
            // Whether it is known already.
            for _ in 0..<2 {
                for (target, location, text) in [
                    ("//a.txt", "/a.txt", "fine"), ("///a.txt?b=//c", "/a.txt?b=//c", "fine"),
                    ("/sub//b%20c.txt", "/sub/b%20c.txt", "inside"), ("//sub//%62%20c.txt", "/sub/b%20c.txt", "inside"),
                    ("//sub/", "/sub/", "index"), ("/sub//", "/sub/", "index"), ("//sub", "/sub/", "index"),
                    ("//list//", "/list/", nil), ("//", "/", nil),
                ] {
                    for method in ["GET", "HEAD"] {
                        let reply = try client.request("\(method) \(target)", toHead: method == "HEAD")
                        #expect(reply.status == 301 && reply["Location"] == location, "\(target): \(reply)")
                        #expect(reply.body.isEmpty)
                    }
                    #expect(try client.request("POST \(target)", ["Content-Length: 0"]).status == 405)
                    let reply = try client.get(location)
                    #expect(reply.status == 200 && (text == nil || reply.text == text))
                }
            }
            for target in ["//none.txt", "/none//x.txt"] {
                let reply = try client.get(target)
                #expect(reply.status == 404 && reply.text == "none", "\(target)")
            }
            #expect(try client.get("//page").text == "application")
        }
    }

    /// A router takes names that are empty for names: what it lets nobody into is not to be had in another way.
    @Test(arguments: Setup.eachBackend)
    func guardedFoldersHaveOneDoor(_ setup: Setup) async throws {
        try await withSite(setup, ["--guarded", "admin", "--browse", "1"]) { server, folder in
            folder.makeFolder("admin")
            folder.makeFolder("admin/sub")
            for name in ["admin/x.txt", "admin/sub/x.txt", "admin/sub/index.html"] {
                try folder.write("secret", to: name)
            }
            try folder.write("open", to: "a.txt")
            let client = try server.connect()
            let key = "Authorization: Basic YW5uOnNlY3JldA=="
            #expect(try client.request("GET /admin/x.txt", [key]).text == "secret")
            #expect(try client.request("GET /admin/sub/", [key]).text == "secret")
            #expect(try client.get("/a.txt").text == "open")
            for path in [
                "/admin/x.txt", "//admin/x.txt", "///admin//x.txt", "/%2Fadmin/x.txt", "/admin//x.txt",
                "/admin///x.txt",
                "/%2fadmin/x.txt", "/%61dmin/x.txt", "//%61dmin/x.txt", "/./admin/x.txt", "/.//admin/x.txt",
                "/admin%2Fx.txt", "/x/../admin/x.txt", "/admin/%2Fx.txt", "/admin/", "/admin", "//admin/", "/admin//",
                "//admin", "/admin/sub/x.txt", "//admin/sub/x.txt", "/admin//sub/x.txt", "/admin/sub//x.txt",
                "/admin//sub//", "//admin//sub/", "/\\/admin/x.txt", "/;/admin/x.txt", "/admin;/x.txt",
            ] {
                for (method, target) in [("GET", path), ("HEAD", path), ("POST", path), ("GET", "http://h\(path)")] {
                    // The connection may end with what is refused.
                    let other = try server.connect()
                    let length = method == "POST" ? ["Content-Length: 0"] : []
                    let reply = try other.request("\(method) \(target)", length, toHead: method == "HEAD")
                    let place = reply["Location"]
                    #expect([301, 400, 401, 404, 405].contains(reply.status), "\(method) \(target): \(reply)")
                    #expect(!reply.text.contains("secret") && reply["Content-Length"] != "6", "\(method) \(target)")
                    #expect(place?.hasPrefix("//") != true && (place == nil) == (reply.status != 301), "\(target)")
                }
            }
        }
    }

    @Test(arguments: Setup.eachBackend)
    func foldersAreAskedForWithASlash(_ setup: Setup) async throws {
        try await withSite(setup) { server, folder in
            for name in [
                "sub", "sub/deep", "evil.example", "\\evil.example", "a\r\nSet-Cookie: b", "ä b", "c?d#e", "x:y",
            ] {
                folder.makeFolder(name)
                try folder.write("index of \(name)", to: "\(name)/index.html")
            }
            folder.makeFolder("empty")
            let client = try server.connect()
            for (target, location) in [
                ("/sub", "/sub/"), ("/sub?a=1&b=%2f", "/sub/?a=1&b=%2f"), ("/sub/deep", "/sub/deep/"),
                ("//evil.example", "/evil.example/"), ("///evil.example?q", "/evil.example/?q"),
                ("//sub//deep", "/sub/deep/"), ("/%5cevil.example", "/%5Cevil.example/"),
                ("/\\evil.example", "/%5Cevil.example/"), ("/a%0d%0aSet-Cookie:%20b", "/a%0D%0ASet-Cookie%3A%20b/"),
                ("/%c3%a4%20b", "/%C3%A4%20b/"), ("/c%3fd%23e", "/c%3Fd%23e/"), ("/x:y", "/x%3Ay/"),
                ("/empty", "/empty/"),
            ] {
                let reply = try client.get(target)
                #expect(reply.status == 301 && reply["Location"] == location, "\(target): \(reply)")
                #expect(reply["Set-Cookie"] == nil && reply["X-Site"] == "first")
                guard target != "/empty" else { continue }
                #expect(try client.get(location).text.hasPrefix("index of "))
            }
            #expect(try client.get("/empty/").status == 404)
            #expect(try client.get("/sub/index.html/").status == 404)
            #expect(try client.get("/sub/").text == "index of sub")
        }
    }
}
