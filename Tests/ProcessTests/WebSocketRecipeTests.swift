import Glibc
import TestSupport
import Testing

/// The recipes about WebSockets, as their clients see them.
@Suite struct WebSocketRecipeTests {
    private let onAnyPort = ["--on", "127.0.0.1:0"]

    private func say(_ text: String, _ client: Client) throws { try client.send(WebSocketFrame(.text, text)) }
    private func hear(_ client: Client) throws -> String {
        let frame = try client.readFrame()
        return frame.kind == .text ? "text \(frame.text)" : "\(frame)"
    }

    @Test(arguments: backends)
    func helloWebSocket(_ backend: String) async throws {
        try await TestThreads.light.run {
            let recipe = try ServedRecipe("HelloWebSocket", backend, onAnyPort)
            #expect(recipe.master.children.count == 4)
            let client = try recipe.open()
            try say("Ann", client)
            #expect(try hear(client) == "text hello Ann")
            #expect(try recipe.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func sendToUser(_ backend: String) async throws {
        try await TestThreads.light.run {
            let recipe = try ServedRecipe("SendToUser", backend, onAnyPort)
            let clients = try ["ann", "bob"].map { name in
                let client = try recipe.open()
                try say(name, client)
                #expect(try hear(client) == "text welcome \(name)")
                return client
            }
            let (ann, bob) = (clients[0], clients[1])
            try say("bob:how: are you?", ann)
            #expect(try hear(bob) == "text ann: how: are you?")
            try say("all:hello", bob)
            for client in clients { #expect(try hear(client) == "text bob: hello") }
            for (text, answer) in [
                ("carl:x", "carl is not here"), ("nonsense", "say NAME:TEXT, or all:TEXT"), (":x", " is not here"),
            ] {
                try say(text, ann)
                #expect(try hear(ann) == "text error: \(answer)")
            }
            for name in ["", "a:b", "all", String(repeating: "x", count: 65)] {
                let client = try recipe.open()
                try say(name, client)
                #expect(try hear(client) == "close 1008 the first message is a name, without a colon")
            }
            // Ann comes again: she is there, also when the older connection ends.
            let again = try recipe.open()
            try say("ann", again)
            #expect(try hear(again) == "text welcome ann")
            #expect(try hear(ann) == "close 1008 ann is here by another connection")
            try ann.send(WebSocketFrame(close: 1000))
            _ = try ann.readToEnd()
            try say("ann:still there?", bob)
            #expect(try hear(again) == "text bob: still there?")
            #expect(try recipe.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func timedPush(_ backend: String) async throws {
        try await TestThreads.light.run {
            let recipe = try ServedRecipe("TimedPush", backend, onAnyPort)
            let clients = try (0..<2).map { _ in try recipe.open() }
            for client in clients {
                let first = try hear(client)
                let second = try hear(client)
                #expect(first.hasPrefix("text push ") && second.hasSuffix(" to 2") && first != second)
            }
            #expect(try recipe.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func pushFromBackend(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let inner = Endpoint.unix(path: folder.file("inner"))
            let recipe = try ServedRecipe("PushFromBackend", backend, onAnyPort + ["--inner", "\(inner)"])
            let tabs = try (0..<2).map { _ in
                let client = try recipe.open()
                try say("ann", client)
                #expect(try hear(client) == "text waiting for news of ann")
                return client
            }
            let job = try Client(inner)
            func push(_ line: String) throws -> String {
                try job.send(line + "\n")
                return try job.readLine()
            }
            #expect(try push(#"{"uid":"ann","percent":"88%"}"#) == "ok")
            for tab in tabs { #expect(try hear(tab) == "text 88%") }
            for line in [#"{"uid":"bob","percent":"1%"}"#, "", "{}", "nonsense", #"{"uid":1,"percent":"1%"}"#] {
                #expect(try push(line) == "fail", "\(line)")
            }
            // What is said after the name is no other name.
            try say("bob", tabs[0])
            let client = try ExampleClient("PushFromBackendClient", ["--to", "\(inner)", "ann", "\"99\"%"])
            #expect(client.status == .code(0) && client.output == "ok")
            for tab in tabs { #expect(try hear(tab) == "text \"99\"%") }
            let failed = try ExampleClient("PushFromBackendClient", ["--to", "\(inner)", "bob", "1%"])
            #expect(failed.status == .code(1) && failed.errors.contains("bob is not there: fail"))
            #expect(try ExampleClient("PushFromBackendClient", ["ann"]).status == .code(64))

            tabs[0].reset()
            #expect(try push(#"{"uid":"ann","percent":"100%"}"#) == "ok")
            #expect(try hear(tabs[1]) == "text 100%")
            try tabs[1].send(WebSocketFrame(close: 1000))
            _ = try tabs[1].readToEnd()
            // The server hears of the reset sooner or later.
            #expect(try eventually { try push(#"{"uid":"ann","percent":"101%"}"#) == "fail" })
            #expect(try recipe.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func taskWorker(_ backend: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let tasks = ["--tasks", "unix:\(folder.file("tasks"))", "--task-count", "3"]
            let recipe = try ServedRecipe("TaskWorker", backend, onAnyPort + tasks)
            guard let front = recipe.endpoints.first(where: { "\($0)".hasPrefix("127.") }) else {
                throw Failure("no front among \(recipe.endpoints)")
            }
            let clients = try (0..<3).map { _ in try recipe.open(of: front) }
            // Two processes stand still for ten minutes; all jobs of others go to the third.
            for client in clients[..<2] { try say(#"{"function":"sleep","args":{"seconds":600}}"#, client) }
            for n in 0..<20 {
                try say(#"{"function":"fibonacci","args":{"n":\#(n)}}"#, clients[2])
                #expect(try hear(clients[2]).hasPrefix(#"text {"#))
            }
            for (job, code, part) in [
                (#"{"function":"fibonacci","args":{"n":20}}"#, 0, "6765"), (#"{"function":"x"}"#, 1, "no function x"),
                (#"{"function":"fibonacci","args":{"n":99}}"#, 1, "n is 0 to 45"), ("nonsense", 1, "a job is"),
                (#"{"function":"sleep"}"#, 1, "0 to 600 seconds"), ("{}\n{}", 1, "in one line"),
                (#"{"function":"sleep","args":{"seconds":0}}"#, 0, "ok"),
            ] {
                try say(job, clients[2])
                let result = try hear(clients[2])
                #expect(result.contains("\"code\":\(code)") && result.contains(part), "\(job): \(result)")
            }
            #expect(!clients[0].isReadable() && !clients[1].isReadable())
            // A front without task processes of its own uses those.
            let other = try ServedRecipe("TaskWorker", backend, onAnyPort + tasks.dropLast() + ["0"])
            #expect(other.endpoints.count == 1)
            let guest = try other.open()
            try say(#"{"function":"fibonacci","args":{"n":10}}"#, guest)
            #expect(try hear(guest).contains("55"))
            #expect(try other.stop() == .code(0))
            // Their processes are killed: their clients are told, and others take their place.
            for process in recipe.master.children where process.commandLine.contains(" Task ") { process.kill() }
            for client in clients[..<2] {
                #expect(try hear(client).contains("not done: the task process has gone"))
                // A link may be that of a process that died a moment ago: who asks again gets another one.
                try waitFor("a process in the place of one that was killed") { () -> Void? in
                    try say(#"{"function":"fibonacci","args":{"n":10}}"#, client)
                    return try hear(client).contains("55") ? () : nil
                }
            }
            #expect(try recipe.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func wssServer(_ backend: String) async throws {
        try await TestThreads.light.run {
            let certificates = TestCertificates.shared
            let files = ["--cert", certificates.certificate("localhost"), "--key", certificates.key("localhost")]
            let recipe = try ServedRecipe("WSSServer", backend, onAnyPort + files)
            let client = try recipe.open(isSecured: true)
            try say("Ann", client)
            #expect(try hear(client) == "text hello Ann")
            #expect(try recipe.stop() == .code(0))
        }
    }
}
