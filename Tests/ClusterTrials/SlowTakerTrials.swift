import Apus
import ApusCluster
import Foundation
import TestSupport
import TrialSupport

/// A client of a `ClusterServer` that reads when it likes.
private struct RawTaker {
    struct Answer: Decodable {
        var type: String
        var channel: String
        var data: String
        var id: Int?
    }

    private let client: Client

    init(_ server: ClusterServer) throws {
        client = try Client(.unix(path: String(server.channel.dropFirst(5))))
    }

    func send(_ text: String) throws {
        let count = text.utf8.count + 4
        try client.send((0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) } + Array(text.utf8))
    }

    func next() throws -> Answer {
        let count = try client.read(4).reduce(0) { $0 << 8 | Int($1) }
        return try JSONDecoder().decode(Answer.self, from: Data(try client.read(count - 4)))
    }
}

/// More is there for a client than may wait for it to read: the rest stays in its queues, for who reads sooner, and
/// nothing is lost, out of order or forgotten.
func slowTakers(_ words: [String]) async throws {
    for acknowledges in [true, false] {
        let server = try ClusterServer()
        let sender = try await client(server.channel, timeout: 60)
        try await slowTaker(server, sender, acknowledges)
        try await largeItems(server, sender, acknowledges)
        expect(!server.log.contains("reads too slowly"), server.log)
        sender.close()
    }
}

private func slowTaker(_ server: ClusterServer, _ sender: ChannelClient, _ acknowledges: Bool) async throws {
    let names = (0..<20).map { "q\($0)" }
    let text = String(repeating: "x", count: 1 << 20)
    for number in 0..<2 {
        for name in names { try await sender.enqueueAndWait(name, data: "\(number)\(text)") }
    }
    let slow = try RawTaker(server)
    let list = names.map { "\"\($0)\"" }.joined(separator: ",")
    try slow.send(#"{"type":"watch","channels":[\#(list)],"ack":\#(acknowledges)}"#)
    try slow.send(#"{"type":"reserve","channels":[\#(list)]}"#)
    try slow.send(#"{"type":"subscribe","channels":["news"]}"#)
    // There is still room for events.
    try await expectEventually { try await sender.publishAndWait("news", data: text) == 1 }
    // What it has no room for somebody else may have.
    let quick = try await client(server.channel)
    var taken: [Character?] = []
    quick.watch("q19", acknowledges: true) { taken.append($0.text?.first) }
    try await expectEventually { taken == ["0", "1"] }
    quick.close()
    var received: [String: [Character?]] = [:]
    for _ in 0..<39 {
        let answer = try slow.next()
        received[answer.channel, default: []].append(answer.data.first)
        if let id = answer.id { try slow.send(#"{"type":"ack","id":\#(id)}"#) }
        if answer.type == "queue" { try slow.send(#"{"type":"reserve","channels":["\#(answer.channel)"]}"#) }
    }
    for name in names.dropLast() { expect(received[name] ?? [], is: ["0", "1"], name) }
    expect(received["news"]?.count, is: 1)
    // All are waited for.
    for name in names { try await sender.enqueueAndWait(name, data: "2") }
    expect(Set(try names.map { _ in try slow.next().channel }), is: Set(names))
}

/// Items of which no two may wait together.
private func largeItems(_ server: ClusterServer, _ sender: ChannelClient, _ acknowledges: Bool) async throws {
    let large = String(repeating: "x", count: 9_000_000)
    let taker = ChannelClient()
    var counts: [Int?] = []
    var reasons: [String] = []
    taker.onClose = { reasons.append($0) }
    for number in 0..<3 {
        try await sender.enqueueAndWait("large\(number)", data: large)
        taker.watch("large\(number)", acknowledges: acknowledges) { counts.append($0.text?.utf8.count) }
    }
    taker.connect(server.channel)
    try await expectEventually { counts.count == 3 }
    expect(counts, is: [9_000_000, 9_000_000, 9_000_000])
    expect(reasons, is: [])
    taker.close()
}

/// What was taken before the connection was there, and what the server has to know, leaves when there is room for it.
func fullBacklog(_ words: [String]) async throws {
    let server = try ClusterServer()
    let taker = try await client(server.channel)
    var taken: [Int] = []
    taker.watch("q") { taken.append(try $0.decode()) }
    // Clients can connect, and nobody reads what they send.
    server.signal(SIGSTOP)
    let sender = ChannelClient()
    var options = ChannelClientOptions()
    options.timeout = 60
    options.maxUnsentBytes = 100_000
    sender.connect([server.channel], options: options)
    var own: [Int] = []
    sender.watch("own", acknowledges: true) { own.append(try $0.decode()) }
    sender.subscribe(String(repeating: "n", count: 2_000_000))
    for number in 0..<10 { expect(sender.enqueue("q", data: number)) }
    let waiting = Task { try await sender.enqueueAndWait("q", data: 10) }
    try await expectEventually { sender.isConnected }
    expect(sender.enqueue("q", data: 11))
    server.signal(SIGCONT)
    try await expectEventually { taken.count == 12 }
    expect(taken, is: Array(0..<12))
    try await waiting.value
    expect(sender.droppedCount, is: 0)
    // It has told the server all it had to, too.
    for number in 0..<2 { try await sender.enqueueAndWait("q", "own", data: 12 + number) }
    try await expectEventually { taken.last == 13 && own == [12, 13] }
    for client in [sender, taker] { client.close() }
}

/// An item that nobody can handle comes again after pauses that grow.
func failingTakers(_ words: [String]) async throws {
    let server = try valueServer(words)
    let channel = try await client(server.channel)
    channel.onError = { _ in }
    var attempts: [Int] = []
    var start = ContinuousClock.now
    var duration = Duration.zero
    channel.watch("q", acknowledges: true) { item in
        if attempts.isEmpty { start = .now }
        attempts.append(try item.decode())
        if attempts.count < 6 { throw ClusterError.closed }
        if attempts.count == 6 { duration = .now - start }
    }
    for number in 0..<2 { try await channel.enqueueAndWait("q", data: number) }
    try await expectEventually { attempts.count == 7 }
    expect(attempts, is: [0, 0, 0, 0, 0, 0, 1])
    // 10, 20, 40, 80 and 160 milliseconds at least.
    expect(duration >= .milliseconds(300), "\(duration)")
    channel.close()
}
