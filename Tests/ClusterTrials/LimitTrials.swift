import Apus
import ApusCluster
import Glibc
import TestSupport
import TrialSupport

/// Servers in this process, which can be given limits that are soon reached.
private struct Servers {
    private let folder: TemporaryFolder
    private let servers: [AnyObject]
    var channel: String { "unix:\(folder.file("channel"))" }
    var data: String { "unix:\(folder.file("data"))" }

    init(_ channel: ChannelServerOptions, _ data: GlobalDataServerOptions) throws {
        folder = try TemporaryFolder()
        let channels = ChannelServer("unix:\(folder.file("channel"))", options: channel)
        let values = GlobalDataServer("unix:\(folder.file("data"))", options: data)
        try channels.worker.listen()
        try values.worker.listen()
        servers = [channels, values]
    }
}

private func connected(
    _ server: String, _ change: (inout ChannelClientOptions) -> Void = { _ in }
) async throws -> ChannelClient {
    var options = ChannelClientOptions()
    options.timeout = 60
    change(&options)
    let client = ChannelClient()
    client.connect(server, options: options)
    try await expectEventually { client.isConnected }
    return client
}

/// What is too much is refused, and what was there before stays.
func limits(_ words: [String]) async throws {
    var channel = ChannelServerOptions()
    channel.maxQueueItems = 2
    channel.maxQueueBytes = 1000
    channel.maxMessageBytes = 10_000
    var data = GlobalDataServerOptions()
    data.maxBytes = 1000
    data.maxMessageBytes = 10_000
    let servers = try Servers(channel, data)
    let client = try await connected(servers.channel)
    for number in 0..<2 { try await client.enqueueAndWait("few", data: number) }
    let full = await expectError { try await client.enqueueAndWait("few", data: 2) }
    expect(full as? ClusterError, is: .refused("the queue is full"))
    // The bytes of all queues count together.
    let text = String(repeating: "x", count: 700)
    try await client.enqueueAndWait("large", data: text)
    let heavy = await expectError { try await client.enqueueAndWait("other", data: text) }
    expect(heavy as? ClusterError, is: .refused("the queue is full"))
    try await client.enqueueAndWait("other", data: 1)
    try await messages(servers.channel, client)
    try await values(servers.data)
    try await requests()
    withExtendedLifetime(servers) {}
}

/// A message that is too large ends the connection of who sent it, or of who is not to get it.
private func messages(_ server: String, _ client: ChannelClient) async throws {
    let large = String(repeating: "x", count: 20_000)
    let lost = await expectError { try await client.publishAndWait("news", data: large) }
    if case .connectionLost = lost as? ClusterError {} else { expect(false, "\(lost!)") }
    try await expectEventually { client.isConnected }
    let small = try await connected(server) { $0.maxMessageBytes = 1000 }
    var reasons: [String] = []
    var heard: [String] = []
    small.onClose = { reasons.append($0) }
    small.on("news") { heard.append(try $0.decode(String.self)) }
    try await expectEventually { try await client.publishAndWait("news", data: "a") == 1 }
    try await client.publishAndWait("news", data: String(large.prefix(5000)))
    try await expectEventually { reasons.count == 1 }
    // Who does not read a sequence keeps the newest.
    let events = client.events("many", limit: 2)
    for number in 0..<5 { try await client.publishAndWait("many", data: number) }
    var last = 0
    client.on("end") { _ in last += 1 }
    try await expectEventually {
        client.publish("end", data: 0)
        return last > 0
    }
    var numbers: [Int] = []
    for await event in events {
        numbers.append(try event.decode(Int.self))
        if numbers.count == 2 { break }
    }
    expect(numbers, is: [3, 4])
    // It comes again.
    try await expectEventually { try await client.publishAndWait("news", data: "b") == 1 }
    try await expectEventually { heard.last == "b" }
    expect(heard.allSatisfy { $0.count == 1 })
    for client in [small, client] { client.close() }
}

private func values(_ server: String) async throws {
    var options = GlobalDataClientOptions()
    options.timeout = 60
    let data = GlobalDataClient(server, options: options)
    try await data.set("k", "kept")
    let full = await expectError { try await data.set("l", String(repeating: "x", count: 2000)) }
    expect(full as? ClusterError, is: .refused("the server is full"))
    expect(try await data.get("k", as: String.self) == "kept")
    expect(try await !data.contains("l"))
    let large = await expectError { try await data.set("l", String(repeating: "x", count: 20_000)) }
    if case .connectionLost = large as? ClusterError {} else { expect(false, "\(large!)") }
    // An answer that is larger than the client takes.
    options.maxMessageBytes = 100
    let small = GlobalDataClient(server, options: options)
    try await data.set("k", String(repeating: "x", count: 200))
    let long = await expectError { _ = try await small.get("k", as: String.self) }
    if case .connectionLost = long as? ClusterError {} else { expect(false, "\(long!)") }
    for client in [data, small] { client.close() }
}

/// Two wait for a server that stands still, and the third one does not.
private func requests() async throws {
    let server = try ClusterServer()
    var options = GlobalDataClientOptions()
    options.timeout = 60
    options.maxRequests = 2
    let data = GlobalDataClient(server.data, options: options)
    try await data.set("k", 1)
    server.signal(SIGSTOP)
    var refused = 0
    var answered = 0
    for _ in 0..<3 {
        Task {
            do {
                expect(try await data.get("k", as: Int.self) == 1)
                answered += 1
            } catch ClusterError.tooManyRequests(2) { refused += 1 }
        }
    }
    try await expectEventually { refused == 1 }
    expect(answered, is: 0)
    server.signal(SIGCONT)
    try await expectEventually { answered == 2 }
    data.close()
}

/// Who does not show that he knows the secret is gone after a while, and fills no memory until then.
func strangers(_ words: [String]) async throws {
    let server = try ClusterServer(["--secret", "open sesame"])
    for path in [server.channel, server.data] {
        let silent = try Client(.unix(path: String(path.dropFirst(5))))
        let greedy = try Client(.unix(path: String(path.dropFirst(5))))
        // A frame of 5,000 bytes: 4,096 are enough for a greeting.
        try greedy.send([0, 0, 0x13, 0x88])
        let answer = try greedy.readToEnd()
        expect(String(decoding: answer.bytes.dropFirst(4), as: UTF8.self).hasPrefix(#"{"type":"challenge","#))
        _ = try silent.readToEnd()
    }
    // Who was let in may send more.
    let friend = try await connected(server.channel) { $0.secret = "open sesame" }
    var heard = 0
    friend.on("x") { heard = try $0.decode(String.self).count }
    expect(try await friend.publishAndWait("x", data: String(repeating: "x", count: 100_000)), is: 1)
    try await expectEventually { heard == 100_000 }
    friend.close()
}
