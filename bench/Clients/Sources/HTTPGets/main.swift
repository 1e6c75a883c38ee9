// So many GETs of one address, so many under way over as many connections, until all were answered.
// `HTTPGets URL REQUESTS CONNECTIONS callback|await libevent|epoll`: `await` has a task for each connection, on the
// loop as those of handlers are.
import Apus
import ApusClient
import Glibc

let words = CommandLine.arguments
guard words.count == 6, let wanted = Int(words[2]), let connections = Int(words[3]) else { exit(64) }
var options = HTTPClientOptions()
options.maxConnectionsPerServer = connections
options.decompresses = false
let client = HTTPClient(options)
let request = HTTPClientRequest("GET", words[1])
var begun = 0
var answered = 0

func check(_ response: HTTPClientResponse?) {
    guard let response, response.status == .ok, !response.body.isEmpty else { fatalError("a response is missing") }
    answered += 1
}

func ask(_ done: UnsafeContinuation<Void, Never>) {
    begun += 1
    client.send(request) { result in
        check(try? result.get())
        if begun < wanted { ask(done) } else if answered == wanted { done.resume() }
    }
}

@Sendable func askInTurn() async throws {
    while begun < wanted {
        begun += 1
        check(try await client.send(request))
    }
}

try EventLoop.run(backend: words[5] == "epoll" ? .epoll : .libevent) {
    switch words[4] {
    case "await":
        try await withThrowingDiscardingTaskGroup { group in
            for _ in 0..<connections { group.addTask { try await askInTurn() } }
        }
    default: await withUnsafeContinuation { done in for _ in 0..<connections { ask(done) } }
    }
}
