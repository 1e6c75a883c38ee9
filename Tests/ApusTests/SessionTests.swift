import Glibc
import TestSupport
import Testing

@testable import Apus
@testable import ApusWeb

/// A store that tells what it was asked for.
private final class RecordingStore: SessionStore {
    let inner = MemorySessionStore()
    var calls: [String] = []
    var fails = false

    func read(_ id: String) async throws -> [UInt8]? {
        calls.append("read")
        if fails { throw HTTPError(.serviceUnavailable) }
        return await inner.read(id)
    }
    func write(_ id: String, _ data: [UInt8], lifetime: Int, isNew: Bool) async throws -> Bool {
        calls.append(isNew ? "create" : "write")
        return await inner.write(id, data, lifetime: lifetime, isNew: isNew)
    }
    func touch(_ id: String, lifetime: Int) async throws -> Bool {
        calls.append("touch")
        return await inner.touch(id, lifetime: lifetime)
    }
    func remove(_ id: String) async throws {
        calls.append("remove")
        await inner.remove(id)
    }
}

private struct User: Codable, Equatable {
    var name: String
    var roles: [String]
}

extension SessionKey where Value == User {
    fileprivate static var user: SessionKey { SessionKey("user") }
}

private struct Unwritable: Codable {
    struct No: Error {}
    func encode(to encoder: any Encoder) throws { throw No() }
}

@Suite struct `Sessions` {
    private let store: RecordingStore
    private var sessions: ApusWeb.Sessions

    init() {
        store = RecordingStore()
        sessions = ApusWeb.Sessions(store)
    }

    private func request(_ id: String? = nil) -> HTTPRequest {
        TestRequest("GET / HTTP/1.1", "Cookie: other=1\(id.map { "; SID=\($0)" } ?? "")").request
    }

    /// Runs a handler for a client that brings a cookie, and returns the response and what cookie the client has then.
    @discardableResult
    private func run(
        _ id: String? = nil, with other: ApusWeb.Sessions? = nil, _ body: @MainActor (Session) async throws -> Void
    ) async throws -> (response: HTTPResponse, id: String?) {
        store.calls = []
        let response = try await (other ?? sessions).respond(to: request(id)) { request in
            try await body(request.session)
            return HTTPResponse(body: "answer")
        }
        guard let cookie = response.headers["Set-Cookie"] else { return (response, id) }
        #expect(cookie.hasPrefix("SID="))
        let value = cookie.dropFirst(4).prefix { $0 != ";" }
        return (response, value.isEmpty ? nil : String(value))
    }

    // MARK: Saving

    @Test func `What one request sets the next one reads`() async throws {
        let (response, id) = try await run {
            #expect($0.isNew)
            $0["count"] = 1
            $0[.user] = User(name: "Änn", roles: ["a"])
            $0["list"] = [1, 2, 3]
        }
        #expect(store.calls == ["create"])
        let cookie = try #require(response.headers["Set-Cookie"])
        #expect(cookie.hasSuffix("; Max-Age=1440; Path=/; HttpOnly; SameSite=Lax"))
        #expect(response.headers["Cache-Control"] == "private")
        #expect(response.headers["Vary"] == "Cookie")
        try await run(id) {
            #expect(!$0.isNew)
            #expect($0.id == id)
            #expect($0["count"] as Int? == 1)
            #expect($0[.user] == User(name: "Änn", roles: ["a"]))
            #expect($0["list"] as [Int]? == [1, 2, 3])
            #expect($0["list"] as String? == nil)
            #expect($0["nothing"] as Int? == nil)
            #expect($0.keys == ["count", "list", "user"])
        }
        #expect(store.calls == ["read"])
    }

    @Test func `What is only read leaves no trace`() async throws {
        let (response, _) = try await run {
            #expect($0["user"] as String? == nil)
            #expect($0.isEmpty)
        }
        #expect(store.calls.isEmpty)
        #expect(response.headers["Set-Cookie"] == nil)
        #expect(response.headers["Cache-Control"] == nil)
        #expect(response.headers["Vary"] == "Cookie")
        // Nor does what is set and taken back.
        let (second, _) = try await run {
            $0["a"] = 1
            $0.remove("a")
        }
        #expect(store.calls.isEmpty)
        #expect(second.headers["Set-Cookie"] == nil)
    }

    @Test func `Who does not ask for the session does not load it`() async throws {
        let response = try await sessions.respond(to: request("abcdefghijklmnopqrst")) { _ in HTTPResponse() }
        #expect(store.calls.isEmpty)
        #expect(response.headers["Vary"] == nil)
    }

    @Test func `What has not changed is not written`() async throws {
        let (_, id) = try await run { $0["a"] = [1] }
        let (response, _) = try await run(id) {
            $0["a"] = [1]
            $0.remove("b")
            $0["c"] = nil as Int?
        }
        #expect(store.calls == ["read"])
        #expect(response.headers["Set-Cookie"] == nil)
    }

    @Test func `Use extends the lifetime if wanted`() async throws {
        var options = SessionOptions()
        options.extendsOnUse = true
        let extending = ApusWeb.Sessions(store, options: options)
        let (_, id) = try await run { $0["a"] = 1 }
        let (response, _) = try await run(id, with: extending) { #expect($0["a"] as Int? == 1) }
        #expect(store.calls == ["read", "touch"])
        #expect(response.headers["Set-Cookie"]?.contains("\(id!); Max-Age=1440") == true)
        options.cookieLifetime = nil
        let (second, _) = try await run(id, with: ApusWeb.Sessions(store, options: options)) { _ in }
        #expect(store.calls == ["read", "touch"])
        #expect(second.headers["Set-Cookie"] == nil)
        let (third, _) = try await run(with: ApusWeb.Sessions(store, options: options)) { $0["a"] = 1 }
        #expect(third.headers["Set-Cookie"]?.contains("Max-Age") == false)
    }

    @Test func `Pulled values are gone and with the last one the session`() async throws {
        let (_, id) = try await run { $0["flash"] = "saved" }
        let (response, after) = try await run(id) {
            #expect($0.pull("flash", as: Int.self) == nil)
            #expect($0.contains("flash"))
            #expect($0.pull("flash", as: String.self) == "saved")
            #expect($0.pull("flash", as: String.self) == nil)
        }
        #expect(store.calls == ["read", "remove"])
        #expect(after == nil)
        #expect(response.headers["Set-Cookie"] == "SID=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax")
        #expect(store.inner.count == 0)
    }

    // MARK: Identity

    @Test func `Ids are long and never the same`() {
        let ids = Set((0..<1000).map { _ in SessionID.random() })
        #expect(ids.count == 1000)
        #expect(ids.allSatisfy { $0.utf8.count == 32 && SessionID.isValid($0) })
        #expect(Set(ids.joined()).count == 32)
    }

    @Test(arguments: [
        ("abcdefghijklmnop", true), ("abcdefghijklmno", false), ("\"abcdefghijklmnop\"", true),
        ("\"abcdefghijklmnop", false),
        ("A,-0abcdefghijkl", true), ("../../../../etc/passwd", false), ("abcdefghijklmnop\u{0}", false),
        ("abcdefghijklmno%", false), ("abcdefghijklmnoé", false), ("", false), ("\"", false), ("\"\"", false),
        (String(repeating: "x", count: 256), true), (String(repeating: "x", count: 257), false),
    ])
    func `Only well-formed ids are taken from cookies`(_ cookie: String, _ isValid: Bool) async throws {
        #expect((SessionID.inCookie(cookie) != nil) == isValid)
        if cookie.utf8.allSatisfy({ $0 > 0x20 }) {
            try await run(cookie) { #expect($0.isNew) }
            #expect(store.calls == (isValid ? ["read"] : []))
        }
    }

    @Test func `An id that the store does not know is never used`() async throws {
        let planted = String(repeating: "A", count: 32)
        let (_, id) = try await run(planted) {
            #expect($0.id != planted)
            $0["user"] = "victim"
        }
        #expect(id != planted)
        #expect(await store.inner.read(planted) == nil)
        // Nor one whose entry is no object.
        _ = await store.inner.write(planted, Array("[1]".utf8), lifetime: 60, isNew: true)
        try await run(planted) { #expect($0.isNew && $0.id != planted) }
    }

    @Test func `Regenerating keeps the values under a new id`() async throws {
        let (_, first) = try await run { $0["a"] = 1 }
        let (_, second) = try await run(first) {
            $0.regenerate()
            #expect($0.id != first)
        }
        #expect(store.calls == ["read", "create", "remove"])
        #expect(second != first)
        try await run(first) { #expect($0.isNew) }
        let (_, third) = try await run(second) {
            #expect($0["a"] as Int? == 1)
            // Again and again in one request.
            $0.regenerate(deletingOld: false)
            $0.regenerate(deletingOld: false)
            $0["b"] = 2
            $0.regenerate(deletingOld: false)
        }
        #expect(store.calls == ["read", "create"])
        #expect(store.inner.count == 2)
        try await run(second) { #expect($0.keys == ["a"]) }
        try await run(third) { #expect($0.keys == ["a", "b"]) }
        let (_, fourth) = try await run(third) {
            $0.regenerate(deletingOld: true)
            $0.regenerate(deletingOld: false)
        }
        #expect(store.inner.count == 2)
        try await run(third) { #expect($0.isNew) }
        try await run(fourth) { #expect($0.keys == ["a", "b"]) }
        // One without values is not kept for that.
        let (response, _) = try await run { $0.regenerate() }
        #expect(store.calls.isEmpty && response.headers["Set-Cookie"] == nil)
    }

    @Test func `Destroying removes entry and cookie`() async throws {
        let (_, id) = try await run { $0["a"] = 1 }
        let (_, after) = try await run(id) { $0.destroy() }
        #expect(store.calls == ["read", "remove"])
        #expect(after == nil)
        try await run(id) { #expect($0.isNew) }
        // What is set afterwards belongs to another session.
        let (_, first) = try await run { $0["a"] = 1 }
        let (_, second) = try await run(first) {
            $0.destroy()
            $0["b"] = 2
        }
        #expect(second != nil && second != first)
        try await run(second) { #expect($0.keys == ["b"]) }
        #expect(store.inner.count == 1)
    }

    @Test func `The server can choose an id`() async throws {
        let chosen = String(repeating: "A", count: 32)
        var first: String?
        store.calls = []
        let response = try await sessions.respond(to: request()) { request in
            let old = try await request.session
            old["old"] = true
            first = old.id
            let session = try await self.sessions.switchSession(of: request, to: chosen)
            #expect(session.isEmpty && session.isNew && session.id == chosen)
            #expect(try await request.session === session)
            return HTTPResponse()
        }
        #expect(response.headers["Set-Cookie"] == nil)
        #expect(await store.inner.read(first!) == Array(#"{"old":true}"#.utf8))
        try await run(first) { #expect($0["old"] as Bool? == true) }
        // One that is there gets its cookie though nothing changes.
        let again = try await sessions.respond(to: request()) { request in
            let session = try await self.sessions.switchSession(of: request, to: first!)
            #expect(session.keys == ["old"])
            return HTTPResponse()
        }
        #expect(again.headers["Set-Cookie"]?.hasPrefix("SID=\(first!);") == true)
        await #expect(throws: SessionError.invalidID) {
            try await self.sessions.switchSession(of: self.request(), to: "../../../../secret")
        }
    }

    // MARK: Parallel requests

    @Test func `A parallel request that changes nothing overwrites nothing`() async throws {
        let (_, id) = try await run { $0["a"] = 1 }
        try await run(id) { _ in try await self.run(id) { $0["a"] = 2 } }
        try await run(id) { #expect($0["a"] as Int? == 2) }
        // Of those that change it the last one counts.
        try await run(id) { outer in
            try await self.run(id) { $0["b"] = 2 }
            outer["c"] = 3
        }
        try await run(id) { #expect($0.keys == ["a", "c"]) }
    }

    @Test func `A parallel request brings no session back that was ended`() async throws {
        let (_, id) = try await run { $0["a"] = 1 }
        let (response, _) = try await run(id) { outer in
            try await self.run(id) { $0.destroy() }
            outer["a"] = 2
        }
        #expect(response.headers["Set-Cookie"] == nil)
        #expect(store.inner.count == 0)
    }

    // MARK: Errors

    @Test func `Refusals are answers like others`() async throws {
        let error = await #expect(throws: HTTPError.self) {
            try await self.sessions.respond(to: self.request()) { request in
                try await request.session["attempts", default: 0] += 1
                throw HTTPError(.unauthorized, "no", headers: ["WWW-Authenticate": "x"])
            }
        }
        #expect(error?.status == .unauthorized)
        #expect(error?.message == "no")
        #expect(error?.headers["WWW-Authenticate"] == "x")
        #expect(error?.headers["Set-Cookie"]?.hasPrefix("SID=") == true)
        #expect(store.inner.count == 1)
    }

    @Test func `After other errors nothing is saved`() async throws {
        for failure: any Error in [HTTPError(.serviceUnavailable), SessionError.invalidID, CancellationError()] {
            await #expect(throws: (any Error).self) {
                try await self.run { session in
                    session["a"] = 1
                    throw failure
                }
            }
        }
        #expect(store.calls.isEmpty)
        store.fails = true
        await #expect(throws: HTTPError.self) { try await self.run("abcdefghijklmnopqrst") { _ in } }
    }

    @Test func `What is no JSON fails the request`() async throws {
        await #expect(throws: SessionError.self) { try await self.run { $0["a"] = Double.nan } }
        await #expect(throws: SessionError.self) { try await self.run { $0["a"] = Unwritable() } }
        try await run { session in
            #expect(throws: SessionError.self) { try session.set("a", Double.infinity) }
            #expect(session.isEmpty)
        }
        #expect(store.inner.count == 0)
        try await run { session in
            session["a"] = "text"
            #expect(throws: SessionError.typeMismatch(key: "a")) { try session.get("a", as: Int.self) }
            let missing = try session.get("b", as: Int.self)
            #expect(missing == nil)
        }
    }

    @Test func `Requests that pass no sessions have none`() async throws {
        await #expect(throws: SessionError.noSessions) { try await self.request().session }
    }

    @Test func `A request that has gone lets its session go`() async throws {
        weak var session: Session?
        let request = request()
        _ = try await sessions.respond(to: request) { request in
            session = try await request.session
            #expect(session != nil)
            return HTTPResponse()
        }
        request.recycle()
        #expect(session == nil)
    }

    /// Handlers that are cancelled because their client has gone.
    @Test func `What a handler did stays done when its client goes`() async throws {
        let task = Task {
            try await self.run { session in
                session["a"] = 1
                withUnsafeCurrentTask { $0?.cancel() }
            }
        }
        _ = try await task.value
        #expect(store.inner.count == 1)
    }

    // MARK: Caches

    @Test(
        arguments: [
            (nil, "private"), ("private, max-age=3", "private, max-age=3"), ("no-store", "no-store"),
            ("public, max-age=60", "public, max-age=60, no-cache=\"Set-Cookie\""),
        ] as [(String?, String)])
    func `Shared caches get no cookie`(_ field: String?, _ expected: String) async throws {
        let response = try await sessions.respond(to: request()) { request in
            try await request.session["a"] = 1
            var response = HTTPResponse(headers: ["Vary": "Accept"])
            response.headers["Cache-Control"] = field
            return response
        }
        #expect(response.headers["Cache-Control"] == expected)
        #expect(response.headers["Vary"] == "Accept, Cookie")
    }

    @Test func `The cookie is as the options say`() async throws {
        var options = SessionOptions(lifetime: 60, isSecure: true)
        options.cookieName = "shop"
        options.path = "/shop"
        options.domain = "example.org"
        options.isHTTPOnly = false
        options.sameSite = .strict
        let shop = ApusWeb.Sessions(store, options: options)
        let response = try await shop.respond(to: request()) { request in
            try await request.session["a"] = 1
            return HTTPResponse()
        }
        let cookie = try #require(response.headers["Set-Cookie"])
        #expect(cookie.hasPrefix("shop="))
        #expect(cookie.hasSuffix("; Domain=example.org; Max-Age=60; Path=/shop; Secure; SameSite=Strict"))
    }
}

@Suite struct `Session values` {
    @Test(arguments: [
        "{}", " { } ", #"{"a":1}"#, #"{ "a" : [1, {"b": "}\"]"}] , "c" : "x" }"#, #"{"a\"\\":null,"é":-1.5e3}"#,
        #"{"":true}"#,
    ])
    func `are read as they were written`(_ text: String) throws {
        let values = try #require(SessionValues(Array(text.utf8)))
        let again = try #require(SessionValues(try values.encoded()))
        #expect(again.texts.keys.sorted() == values.texts.keys.sorted())
        #expect(try again.encoded() == values.encoded())
    }

    @Test(arguments: [
        "", "[]", "1", "{", "{]", #"{"a"}"#, #"{"a":}"#, #"{"a":1"#, #"{"a":1,}"#, #"{"a":1}}"#, #"{a:1}"#,
        #"{"a":1}x"#,
        #"{"a":"x}"#, #"{"a\"#, #"{"a":[1}"#, "{\"a\":1,\u{0}}", #"{"\u12":1}"#,
    ])
    func `that are no object are refused`(_ text: String) {
        #expect(SessionValues(Array(text.utf8)) == nil)
    }

    /// Neither traps nor endless loops: what is read can be written again.
    @Test func `that were changed are read or refused`() throws {
        var generator = SeededGenerator(seed: 3)
        let text = Array(#"{"a\"":[1,{"b":"}\\"}],"c":"x","é":null , "d":{"e":[[],{}]}}"#.utf8)
        for _ in 0..<5000 {
            var bytes = text
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let index = bytes.indices.randomElement(using: &generator)!
                bytes[index] = #""\{}[],:x"#.utf8.randomElement(using: &generator)!
                if Bool.random(using: &generator) { bytes.remove(at: bytes.indices.randomElement(using: &generator)!) }
            }
            guard let values = SessionValues(bytes) else { continue }
            let again = try #require(SessionValues(try values.encoded()))
            #expect(again.texts == values.texts)
        }
    }

    @Test func `keep large numbers and names with any character`() throws {
        var values = SessionValues()
        for name in ["", "a\"\\\n", "é/🙂", "\u{0}"] { _ = try values.set(name, UInt64.max) }
        let read = try #require(SessionValues(try values.encoded()))
        for name in ["", "a\"\\\n", "é/🙂", "\u{0}"] { #expect(try read.value(name, as: UInt64.self) == .max) }
    }
}

@Suite struct `Memory session store` {
    @Test func `forgets what has ended and keeps no more than it may`() async {
        var now = ContinuousClock.now
        let store = MemorySessionStore(maxSessions: 32) { now }
        for index in 0..<32 { _ = await store.write("id\(index)", [UInt8(index)], lifetime: 100 + index, isNew: true) }
        #expect(store.count == 32)
        _ = await store.write("more", [1], lifetime: 1000, isNew: true)
        #expect(store.count <= 32)
        #expect(await store.read("id0") == nil)
        #expect(await store.read("id31") == [31])
        #expect(await store.read("more") == [1])
        // To replace one takes no room.
        let count = store.count
        #expect(await store.write("id31", [32], lifetime: 131, isNew: false))
        #expect(store.count == count)
        now += .seconds(130)
        #expect(await store.read("id30") == nil)
        #expect(await store.touch("id31", lifetime: 100))
        now += .seconds(50)
        #expect(await store.read("id31") == [32])
        now += .seconds(50)
        #expect(await store.touch("id31", lifetime: 100) == false)
        #expect(await store.write("id31", [1], lifetime: 100, isNew: false) == false)
    }
}

@Suite struct `File session store` {
    private let id = String(repeating: "a", count: 32)

    @Test(.timeLimit(.minutes(20)))
    func `removes what has ended by itself`() async throws {
        let folder = try TemporaryFolder()
        let store = FileSessionStore(folder: folder.path, sweepInterval: 0)
        // Ended before it began.
        #expect(try await store.write(String(repeating: "b", count: 32), [1], lifetime: -1, isNew: true))
        while !folder.names(in: folder.path).isEmpty { await Task.yield() }
        #expect(try await store.write(id, [1], lifetime: 100, isNew: true))
        #expect(try await store.read(id) == [1])
    }

    /// As by a logout, in another process, while another request of the client is under way.
    @Test(.timeLimit(.minutes(20)))
    func `does not bring back what is removed while it is saved`() async throws {
        let folder = try TemporaryFolder()
        let store = FileSessionStore(folder: folder.path)
        let path = folder.file("session_\(id)")
        // So much that it takes its time.
        let data = [UInt8](repeating: 1, count: 16 << 20)
        for _ in 0..<8 {
            #expect(try await store.write(id, [0], lifetime: 100, isNew: true))
            async let isRemoved: Void = Self.removeWhileWritten(path, in: folder)
            _ = try await store.write(id, data, lifetime: 100, isNew: false)
            await isRemoved
            #expect(try await store.read(id) == nil)
            #expect(folder.names.isEmpty)
        }
        #expect(try await store.write(id, [0], lifetime: 100, isNew: true))
        #expect(try await store.write(id, [1, 2], lifetime: 100, isNew: false))
        #expect(try await store.read(id) == [1, 2])
        #expect(folder.names == ["session_\(id)"])
    }

    /// Removes the file once its new content is being written beside it, or has taken its place already.
    @concurrent private nonisolated static func removeWhileWritten(_ path: String, in folder: TemporaryFolder) async {
        var facts = stat()
        while folder.names.count < 2, stat(path, &facts) == 0, facts.st_size < 2 { await Task.yield() }
        unlink(path)
    }

    @Test func `knows no ids that are none`() async throws {
        let folder = try TemporaryFolder()
        let store = FileSessionStore(folder: folder.path)
        for id in ["../../../../etc/passwd", "", "a/aaaaaaaaaaaaaaaaaa", String(repeating: "x", count: 250)] {
            #expect(try await store.read(id) == nil)
            #expect(try await store.touch(id, lifetime: 100) == false)
            try await store.remove(id)
            await #expect(throws: SessionError.invalidID) {
                try await store.write(id, [1], lifetime: 100, isNew: true)
            }
        }
        #expect(folder.names(in: folder.path).isEmpty)
    }

    @Test func `says what goes wrong`() async throws {
        let folder = try TemporaryFolder()
        try writeText("", to: folder.file("file"))
        let store = FileSessionStore(folder: folder.file("file"))
        await #expect(throws: SystemError.self) { try await store.write(self.id, [1], lifetime: 100, isNew: true) }
        await #expect(throws: SystemError.self) { try await store.read(self.id) }
    }
}
