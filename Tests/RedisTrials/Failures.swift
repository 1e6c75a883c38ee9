import Apus
import ApusRedis
import Glibc
import TestSupport
import TrialSupport

/// A server that keeps what it has acknowledged is killed again and again under load: nothing that was acknowledged is
/// lost, and nothing is carried out twice.
func killedServers(_ words: [String]) async throws {
    let fixture = try Fixture(
        words, ["--appendonly", "yes", "--appendfsync", "no", "--appenddirname", ".", "--databases", "4"]
    ) { $0.database = 2 }
    defer { withExtendedLifetime(fixture) {} }
    let redis = fixture.redis
    var acknowledged = 0
    var uncertain = 0
    var isOver = false
    var inTransactions = 0
    var uncertainTransactions = 0
    let tasks = (0..<20).map { number in
        Task {
            while !isOver {
                do {
                    if number % 4 == 0 {
                        let results = try await redis.transaction {
                            $0.incr("x")
                            $0.incr("y")
                        }
                        expect(results.count, is: 2)
                        inTransactions += 1
                    } else {
                        try await redis.incr("n")
                        acknowledged += 1
                    }
                } catch let error as RedisError {
                    // A server that reads its file refuses for a while.
                    if case .connectionLost = error {
                        if number % 4 == 0 { uncertainTransactions += 1 } else { uncertain += 1 }
                    } else {
                        expect(false, "\(error)")
                    }
                }
            }
        }
    }
    // On a busy machine a server may have answered all by the time it is killed.
    var kills = 0
    while kills < 5 || uncertain == 0 && kills < 50 {
        let before = acknowledged
        try await expectEventually { acknowledged > before + 500 }
        try fixture.server.kill()
        try fixture.server.restart()
        kills += 1
    }
    let before = acknowledged
    try await expectEventually { acknowledged > before + 500 }
    isOver = true
    for task in tasks { try await task.value }
    let count = try await redis.get("n", as: Int.self) ?? 0
    expect(count >= acknowledged && count <= acknowledged + uncertain, "\(count) of \(acknowledged) + \(uncertain)")
    let pair = try await redis.mGet(["x", "y"], as: Int.self).compactMap(\.self)
    expect(pair.count == 2 && pair[0] == pair[1], "transactions are all or nothing: \(pair)")
    expect(pair[0] >= inTransactions && pair[0] <= inTransactions + uncertainTransactions)
    expect(uncertain > 0)
}

/// A server of the trial's own.
final class FalseServer {
    let acceptor: Acceptor
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        acceptor = try Acceptor("ipv4", in: folder, backlog: 64)
    }

    nonisolated deinit {}

    func client(_ login: String = "", _ change: (inout RedisOptions) -> Void = { _ in }) throws -> RedisClient {
        var options = RedisOptions()
        options.timeout = 60
        change(&options)
        return try RedisClient("redis://\(login)\(acceptor.endpoint)", options: options)
    }

    /// Accepts the client and answers its PING.
    func greet() async throws -> Client {
        let acceptor = acceptor
        try await expectEventually("a connection") { acceptor.isAsked() }
        let peer = try acceptor.accept()
        _ = try await read(peer, "*1\r\n$4\r\nPING\r\n")
        try peer.send("+PONG\r\n")
        return peer
    }

    @discardableResult
    func read(_ peer: Client, _ expected: String) async throws -> [UInt8] {
        try await expectEventually("\(expected.debugDescription)") { peer.isReadable() }
        let found = try peer.read(expected.utf8.count)
        expect(String(decoding: found, as: UTF8.self), is: expected)
        return found
    }
}

private let recordedReplies = [
    "$5\r\nhello\r\n", "$-1\r\n", ":42\r\n", "+OK\r\n", "-ERR no\r\n", "*2\r\n$1\r\na\r\n*1\r\n:1\r\n", "*0\r\n",
    "%1\r\n+a\r\n,1.5\r\n", "~1\r\n#t\r\n", "_\r\n", "(123\r\n", "=7\r\ntxt:abc\r\n", "!5\r\nERR x\r\n",
    "|1\r\n+k\r\n+v\r\n$1\r\nx\r\n",
]

/// A server before Redis 6 knows no HELLO, and quotes what came with it: not into the log.
func quotedLogins(_ words: [String]) async throws {
    let server = try FalseServer()
    let command = "*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$3\r\nann\r\n$7\r\nhunter2\r\n"
    for reply in [
        "-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `ann`, `hunter2`, \r\n",
        "-ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'ann' 'hunt\r\n",
        "-WRONGPASS ann hunter2\r\n",
    ] {
        let redis = try server.client("ann:hunter2@") { $0.speaksRESP3 = true }
        let asked = Task { try await redis.command("GET", "k") }
        let acceptor = server.acceptor
        try await expectEventually("a connection") { acceptor.isAsked() }
        let peer = try acceptor.accept()
        try await server.read(peer, command)
        try peer.send(reply)
        await expectRedisError {
            _ = try await asked.value
        } where: {
            guard case .loginFailed(let text) = $0 else { return false }
            return !text.contains("hunt") && (text.contains("unknown command") || text == "WRONGPASS ann …")
        }
        redis.close()
    }
}

/// Each reply is cut at each byte, and the connection closed there, or garbage sent: the command fails with an error of
/// its type, and the client works again.
func hostileReplies(_ words: [String]) async throws {
    let server = try FalseServer()
    let redis = try server.client()
    var sockets: Int?
    for reply in recordedReplies.map({ Array($0.utf8) }) {
        for cut in 0..<reply.count {
            for garbage in [[], [UInt8](repeating: 0x0A, count: 30)] {
                let first = Task { try await redis.command("ECHO", "1").string }
                let peer = try await server.greet()
                sockets = sockets ?? openSockets()
                try await server.read(peer, "*2\r\n$4\r\nECHO\r\n$1\r\n1\r\n")
                try peer.send("$1\r\n1\r\n")
                expect(try await first.value, is: "1")
                let asked = Task { try await redis.command("GET", "k") }
                let behind = Task { try await redis.command("GET", "l") }
                try await server.read(peer, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*2\r\n$3\r\nGET\r\n$1\r\nl\r\n")
                try peer.send(reply[..<cut] + garbage)
                if garbage.isEmpty { peer.close() }
                let isComplete = cut == reply.count - 1 && !garbage.isEmpty
                let note = "\(String(decoding: reply, as: UTF8.self).debugDescription) at \(cut)"
                if isComplete {
                    _ = try? await asked.value
                } else {
                    await expectLost(note, asked)
                }
                await expectLost(note, behind)
            }
        }
    }
    redis.close()
    try await expectEventually { openSockets() <= sockets ?? 0 }
}

private func expectLost(_ note: String, _ task: Task<RedisValue, any Error>) async {
    await expectRedisError(note) {
        _ = try await task.value
    } where: {
        if case .connectionLost = $0 { true } else { false }
    }
}

private func openSockets() -> Int { ProcessFacts(getpid())?.socketCount ?? -1 }

/// The same with what a subscriber gets: it subscribes again.
func hostileSubscriptions(_ words: [String]) async throws {
    let server = try FalseServer()
    let redis = try server.client()
    let subscribe = "*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n"
    let confirmation = "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"
    let message = Array("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n".utf8)
    let begun = Task { try await redis.subscribe("c") }
    var peer = try await server.greet()
    try await server.read(peer, subscribe)
    try peer.send(confirmation)
    let news = try await begun.value
    var iterator = news.makeAsyncIterator()
    for cut in 0..<message.count {
        for garbage in [[], [UInt8](repeating: 0x0A, count: 30)] {
            try peer.send(message)
            expect(try await iterator.next()?.string, is: "hi")
            try peer.send(message[..<cut] + garbage)
            if garbage.isEmpty { peer.close() }
            if cut == message.count - 1, !garbage.isEmpty { expect(try await iterator.next()?.string, is: "hi") }
            peer = try await server.greet()
            try await server.read(peer, subscribe)
            try peer.send(confirmation)
        }
    }
    // News that are none, and messages of channels that nobody has asked for.
    try peer.send("*3\r\n$7\r\nmessage\r\n$1\r\nd\r\n$2\r\nno\r\n>2\r\n+invalidate\r\n_\r\n")
    try peer.send(message)
    expect(try await iterator.next()?.string, is: "hi")
}

/// A server that stops in the middle of a reply: the command times out, and the client works again.
func stalls(_ words: [String]) async throws {
    let reply = "*2\r\n$1\r\na\r\n$5\r\nhello\r\n"
    let server = try FalseServer()
    for cut in stride(from: 0, to: reply.utf8.count, by: 4) {
        let redis = try server.client { $0.timeout = 1 }
        let asked = Task { try await redis.command("GET", "k") }
        let peer = try await server.greet()
        try await server.read(peer, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")
        try peer.send(Array(reply.utf8)[..<cut] + [])
        await expectRedisError {
            _ = try await asked.value
        } where: {
            $0 == .timedOut
        }
        let next = Task { try await redis.command("ECHO", "1").string }
        let other = try await server.greet()
        try await server.read(other, "*2\r\n$4\r\nECHO\r\n$1\r\n1\r\n")
        try other.send("$1\r\n1\r\n")
        expect(try await next.value, is: "1")
        redis.close()
    }
}

/// Clients, subscriptions and connections of one's own leave nothing behind.
func lettingGo(_ words: [String]) async throws {
    let server = try RedisServer()
    defer { withExtendedLifetime(server) {} }
    var sockets = 0
    var clients: [() -> RedisClient?] = []
    for round in 0..<50 {
        if round == 1 { sockets = openSockets() }
        let redis = try client(of: server, words)
        try await redis.ping()
        let news = try await redis.subscribe("a")
        try await redis.subscribe("b") { _ in }
        let own = try await redis.dedicatedConnection()
        try await own.ping()
        expect(try await redis.publish("a", "x"), is: 1)
        for try await _ in news { break }
        let waiting = Task { try await own.blPop("none", timeout: 0) }
        try await WorkerTimer.sleep(0)
        own.close()
        await expectError { _ = try await waiting.value }
        clients.append { [weak redis] in redis }
    }
    try await expectEventually("clients are let go of") { clients.allSatisfy { $0() == nil } }
    try await expectEventually("\(openSockets()) sockets, \(sockets) before") { openSockets() <= sockets }
}
