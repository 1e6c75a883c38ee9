import Apus
import ApusCluster
import Foundation
import Glibc
import TestSupport
import TrialSupport

private struct News: Codable, Equatable {
    var title: String
    var number: Int
}

func client(
    _ addresses: String..., secret: String? = nil, takeOverAfter: Double = 30, timeout: Double = 5
) async throws -> ChannelClient {
    let client = ChannelClient()
    var options = ChannelClientOptions()
    options.secret = secret
    options.takeOverAfter = takeOverAfter
    options.timeout = timeout
    client.connect(addresses, options: options)
    try await expectEventually { client.isConnected }
    return client
}

/// What a client asks for is done in order: when it hears what it has asked for last, the rest was done before.
private func settle(_ client: ChannelClient) async throws {
    var isHeard = false
    client.on("settled") { _ in isHeard = true }
    try await expectEventually {
        client.publish("settled", data: 0)
        return isHeard
    }
    client.unsubscribe("settled")
}

func events(_ words: [String]) async throws {
    let server = try valueServer(words)
    let clients = [try await client(server.channel), try await client(server.channel)]
    let expectReached = { (count: Int?, expected: Int) in
        expect(count, is: server.countsReceivers ? expected : nil)
    }
    var heard: [[News]] = [[], []]
    for (index, client) in clients.enumerated() { client.on("news") { heard[index].append(try $0.decode()) } }
    for client in clients { try await settle(client) }
    for number in 0..<100 { clients[0].publish("news", data: News(title: "é\"", number: number)) }
    try await expectEventually { heard.allSatisfy { $0.count == 100 } }
    expect(heard[1].map(\.number), is: Array(0..<100))
    expect(heard[0].first, is: News(title: "é\"", number: 0))
    expectReached(try await clients[1].publishAndWait("nobody's", data: "x"), 0)
    // A second callback takes the place of the first one.
    var second: [Int] = []
    clients[1].on("news") { second.append(try $0.decode(News.self).number) }
    try await settle(clients[1])
    expectReached(try await clients[0].publishAndWait("news", "nobody's", data: News(title: "", number: 7)), 2)
    try await expectEventually { second == [7] }
    expect(heard[1].count, is: 100)
    // Without a callback of their own, and with any name.
    var others: [String] = []
    let strange = "Ä b.*.>/%="
    clients[1].onMessage = { if $0.name != "settled" { others.append("\($0.name) \($0.text ?? "")") } }
    clients[1].subscribe("a", strange)
    try await settle(clients[1])
    expectReached(try await clients[1].publishAndWait("a", strange, data: "x"), 2)
    try await expectEventually { others == ["a x", "\(strange) x"] }
    clients[1].unsubscribe("a")
    try await settle(clients[1])
    expectReached(try await clients[1].publishAndWait("a", strange, data: "y"), 1)
    try await expectEventually { others == ["a x", "\(strange) x", "\(strange) y"] }
    // As a sequence, and no longer than somebody listens.
    let listening = Task {
        var texts: [String] = []
        for await event in clients[0].events("stream") {
            texts.append(event.text ?? "")
            if texts.count == 3 { break }
        }
        return texts
    }
    var sent = 0
    try await expectEventually {
        clients[1].publish("stream", data: "\(sent)")
        sent += 1
        return !clients[0].isSubscribed(to: "stream") && sent > 1
    }
    let texts = await listening.value.map { Int($0) ?? -1 }
    expect(texts, is: texts.first.map { Array($0..<($0 + 3)) } ?? [])
    // What a callback throws is reported, and ends nothing.
    struct Broken: Error {}
    var errors = 0
    clients[0].onError = { _ in errors += 1 }
    clients[0].on("broken") { _ in throw Broken() }
    try await settle(clients[0])
    clients[1].publish("broken", data: 1)
    try await expectEventually { errors == 1 }
    let large = String(repeating: "x", count: 1_000_000)
    var largest = 0
    clients[0].on("large") { largest = $0.text?.utf8.count ?? 0 }
    try await settle(clients[0])
    expect(clients[1].publish("large", data: large))
    try await expectEventually { largest == 1_000_000 }
    for client in clients { client.close() }
}

/// A server that is killed: subscribed and watched again when it is back, and nothing that was said to be kept is lost.
func serverComesBack(_ words: [String]) async throws {
    let server = try valueServer(words)
    let clients = [
        try await client(server.channel, timeout: 0.5), try await client(server.channel, takeOverAfter: 1),
    ]
    var heard = 0
    clients[1].on("news") { _ in heard += 1 }
    try await settle(clients[1])
    var taken: Set<Int> = []
    var running = 0
    var most = 0
    clients[1].watch("jobs", acknowledges: true) { job in
        running += 1
        most = max(most, running)
        try await WorkerTimer.sleep(0.001)
        taken.insert(try job.decode())
        running -= 1
    }
    var kept: Set<Int> = []
    var failed = 0
    var next = 0
    var isOver = false
    let senders = (0..<10).map { _ in
        Task {
            while !isOver {
                let number = next
                next += 1
                do {
                    try await clients[0].enqueueAndWait("jobs", data: number)
                    kept.insert(number)
                } catch is ClusterError {
                    failed += 1
                }
                try await WorkerTimer.sleep(0.005)
            }
        }
    }
    for _ in 0..<3 {
        let before = kept.count
        try await expectEventually { kept.count > before + 20 }
        try server.kill()
        try await expectEventually { clients.allSatisfy { !$0.isConnected } }
        let down = await expectError { _ = try await clients[0].publishAndWait("news", data: 1) }
        expect(down is ClusterError, "\(down!)")
        try server.restart()
        let heardBefore = heard
        try await expectEventually {
            clients[0].publish("news", data: 1)
            return heard > heardBefore
        }
    }
    let before = kept.count
    try await expectEventually { kept.count > before + 20 }
    isOver = true
    for sender in senders { try await sender.value }
    expect(failed > 0)
    expect(most, is: 1)
    if server.keepsItems {
        let all = kept
        try await expectEventually { taken.isSuperset(of: all) }
        let missing = all.subtracting(taken).sorted()
        expect(missing.isEmpty, "\(missing.count) of \(all.count), \(missing.prefix(10))")
    }
    for client in clients { client.close() }
}

func queues(_ words: [String]) async throws {
    let server = try valueServer(words)
    let sender = try await client(server.channel)
    let takers = [try await client(server.channel), try await client(server.channel)]
    // Kept until somebody comes, in order.
    for number in 0..<10 { try await sender.enqueueAndWait("q", data: number) }
    var taken: [[Int]] = [[], []]
    takers[0].watch("q") { taken[0].append(try $0.decode()) }
    try await expectEventually { taken[0] == Array(0..<10) }
    takers[1].watch("q") { taken[1].append(try $0.decode()) }
    for number in 0..<1000 { sender.enqueue("q", data: number) }
    try await expectEventually { taken[0].count + taken[1].count == 1010 }
    expect((taken[0].dropFirst(10) + taken[1]).sorted(), is: Array(0..<1000))
    expect(taken[1].count > 100)
    // One at a time, while the taker is at work.
    takers[1].unwatch("q")
    var running = 0
    var most = 0
    var done = 0
    takers[0].watch("q") { _ in
        running += 1
        most = max(most, running)
        try await WorkerTimer.sleep(0.001)
        running -= 1
        done += 1
    }
    for number in 0..<20 { sender.enqueue("q", data: number) }
    try await expectEventually { done == 20 }
    expect(most, is: 1)
    // One of each queue, whatever comes from the others meanwhile.
    var isHeld = true
    var held: [Int] = []
    takers[1].watch("slow") { event in
        held.append(try event.decode())
        while isHeld { try await WorkerTimer.sleep(0.001) }
    }
    for number in 0..<2 { try await sender.enqueueAndWait("slow", data: number) }
    try await expectEventually { held == [0] }
    var quick = 0
    takers[1].watch("quick") { _ in quick += 1 }
    for number in 0..<20 { try await sender.enqueueAndWait("quick", data: number) }
    try await expectEventually { quick == 20 }
    expect(held, is: [0])
    isHeld = false
    try await expectEventually { held == [0, 1] }
    takers[1].unwatch("slow", "quick")
    for client in takers + [sender] { client.close() }
    try await queueOrder(server)
}

private func queueOrder(_ server: any ValueServer) async throws {
    let sender = try await client(server.channel)
    let takers = [try await client(server.channel), try await client(server.channel)]
    // Only when it is asked for.
    var manual: [Int] = []
    takers[1].watch("m", autoReserve: false) { manual.append(try $0.decode()) }
    for number in 0..<3 { try await sender.enqueueAndWait("m", data: number) }
    expect(manual.isEmpty)
    for count in 1...3 {
        takers[1].reserve()
        try await expectEventually { manual.count == count }
    }
    // What was put in before the connection was there keeps its order, too.
    let early = ChannelClient()
    early.connect(server.channel)
    for number in 0..<50 { early.enqueue("early", data: number) }
    var order: [Int] = []
    early.watch("early") { order.append(try $0.decode()) }
    try await expectEventually { order.count == 50 }
    expect(order, is: Array(0..<50))
    early.close()
    // What fails comes again, in its place.
    var attempts: [Int] = []
    takers[0].onError = { _ in }
    takers[0].watch("a", acknowledges: true) { event in
        let number = try event.decode(Int.self)
        attempts.append(number)
        if attempts.count == 1 { throw ClusterError.closed }
    }
    for number in 0..<3 { try await sender.enqueueAndWait("a", data: number) }
    try await expectEventually { attempts == [0, 0, 1, 2] }
    for client in takers + [sender] { client.close() }
}

/// Why no items come is told, once, and they come when it is over.
func queueFailures(_ words: [String]) async throws {
    let server = try RedisServer()
    _ = try server.ask("SET apus:queue:q text")
    let channel = try await client("redis+\(server.endpoint)")
    var errors: [String] = []
    channel.onError = { errors.append("\($0)") }
    var taken: [Int] = []
    channel.watch("q") { taken.append(try $0.decode()) }
    try await expectEventually { !errors.isEmpty }
    expect(errors[0].contains("WRONGTYPE"), errors[0])
    _ = try server.ask("DEL apus:queue:q")
    try await channel.enqueueAndWait("q", data: 7)
    try await expectEventually { taken == [7] }
    expect(errors.count, is: 1)
    channel.close()
}

/// What `failOver` and `leftItems` start, and kill.
func work(_ words: [String]) async throws {
    let client = try await client(words[0], takeOverAfter: 1)
    client.watch("jobs", acknowledges: true) { event in
        print("job \(try event.decode(Int.self))")
        fflush(nil)
        try await WorkerTimer.sleep(3600)
    }
    try await WorkerTimer.sleep(3600)
}

/// A worker that dies with an item: somebody else gets it, and what somebody works on for long nobody else gets.
func leftItems(_ words: [String]) async throws {
    let server = try valueServer(words)
    let sender = try await client(server.channel, takeOverAfter: 1)
    let folder = try TemporaryFolder()
    let worker = try ServerProcess("ClusterTrials", ["work", server.channel], in: folder)
    for number in 0..<3 { try await sender.enqueueAndWait("jobs", data: number) }
    expect(try worker.line("a job") { $0.hasPrefix("job") }, is: "job 0")
    worker.signal(SIGKILL)
    _ = try worker.waitForExit()
    var done: [Int] = []
    let other = try await client(server.channel, takeOverAfter: 1)
    for client in [sender, other] {
        client.watch("jobs", acknowledges: true) { event in
            done.append(try event.decode())
            if done.count == 1 { try await WorkerTimer.sleep(3) }
        }
    }
    try await expectEventually { done.count == 3 }
    try await sender.enqueueAndWait("jobs", data: 3)
    try await expectEventually { done.count == 4 }
    expect(done.sorted(), is: [0, 1, 2, 3])
    for client in [sender, other] { client.close() }
}

/// A worker that dies with an item: somebody else gets it. A server that dies: the next one takes over.
func failOver(_ words: [String]) async throws {
    let servers = [try ClusterServer(), try ClusterServer()]
    let sender = try await client(servers[0].channel, servers[1].channel)
    let folder = try TemporaryFolder()
    let worker = try ServerProcess("ClusterTrials", ["work", servers[0].channel], in: folder)
    for number in 0..<3 { try await sender.enqueueAndWait("jobs", data: number) }
    expect(try worker.line("a job") { $0.hasPrefix("job") }, is: "job 0")
    worker.signal(SIGKILL)
    _ = try worker.waitForExit()
    var done: [Int] = []
    sender.watch("jobs", acknowledges: true) { done.append(try $0.decode()) }
    try await expectEventually { done == [0, 1, 2] }
    var heard = 0
    sender.on("news") { _ in heard += 1 }
    expect(try await sender.publishAndWait("news", data: 1), is: 1)
    try servers[0].kill()
    try await expectEventually { !sender.isConnected }
    try await expectEventually { sender.isConnected }
    // Subscribed to and watched again, there.
    expect(try await sender.publishAndWait("news", data: 1), is: 1)
    try await expectEventually { heard == 2 }
    try await sender.enqueueAndWait("jobs", data: 9)
    try await expectEventually { done == [0, 1, 2, 9] }
}

/// Clients that wait for items are gone, and the server learns of it by sending them some.
func goneTakers(_ words: [String]) async throws {
    let server = try ClusterServer()
    let sender = try await client(server.channel)
    for _ in 0..<5 {
        var takers: [ChannelClient] = []
        for acknowledges in [true, false, true] {
            let taker = try await client(server.channel)
            taker.watch("jobs", acknowledges: acknowledges) { _ in }
            try await settle(taker)
            takers.append(taker)
        }
        // What has come first is dealt with first.
        server.signal(SIGSTOP)
        for number in 0..<3 { expect(sender.enqueue("jobs", data: number)) }
        for taker in takers { taker.close() }
        server.signal(SIGCONT)
        try await sender.enqueueAndWait("jobs", data: 3)
        var taken: [Int] = []
        let last = try await client(server.channel)
        last.watch("jobs", acknowledges: true) { taken.append(try $0.decode()) }
        // One may be lost, with the client that does not acknowledge.
        try await expectEventually { taken.last == 3 }
        expect(taken.count >= 3 && taken == taken.sorted(), "\(taken)")
        last.close()
    }
    sender.close()
}

func channelServerDown(_ words: [String]) async throws {
    let server = try ClusterServer()
    let channel = ChannelClient()
    var connects = 0
    var reasons: [String] = []
    channel.onConnect = { connects += 1 }
    channel.onClose = { reasons.append($0) }
    var options = ChannelClientOptions()
    options.timeout = 0.2
    options.maxUnsentBytes = 1000
    channel.connect([server.channel], options: options)
    var numbers: [Int] = []
    channel.on("n") { numbers.append(try $0.decode()) }
    try await expectEventually { connects == 1 }
    expect(try await channel.publishAndWait("n", data: 1), is: 1)
    // It is there, and does not answer.
    server.signal(SIGSTOP)
    let late = await expectError { _ = try await channel.publishAndWait("n", data: 2) }
    expect(late as? ClusterError, is: .timedOut(0.2))
    try server.kill()
    try await expectEventually { reasons.count >= 1 && !channel.isConnected }
    // What is published meanwhile waits, as far as it fits.
    expect(channel.publish("n", data: 3))
    expect(!channel.publish("n", data: String(repeating: "x", count: 1000)))
    expect(channel.droppedCount, is: 1)
    let down = await expectError { _ = try await channel.publishAndWait("n", data: 4) }
    if case .unavailable = down as? ClusterError {} else { expect(false, "\(down!)") }
    try server.restart()
    try await expectEventually { numbers.contains(3) }
    expect(connects, is: 2)
    expect(!numbers.contains(2) && numbers.first == 1, "\(numbers)")
    // What was said not to be done is not done later.
    channel.publish("n", data: 5)
    try await expectEventually { numbers.contains(5) }
    expect(!numbers.contains(4), "\(numbers)")
    // What is collected while messages of one read are handled waits for nobody.
    var (handled, refused) = (0, 0)
    channel.on("burst") { _ in
        handled += 1
        for _ in 0..<20 where !channel.publish("answer", data: String(repeating: "x", count: 100)) { refused += 1 }
    }
    for _ in 0..<30 { channel.publish("burst", data: 1) }
    try await expectEventually { handled == 30 }
    expect(refused, is: 0)
}

/// A server that was started again numbers its items anew: what is said of one that the earlier one had sent concerns
/// none of those.
func oldReceipts(_ words: [String]) async throws {
    let server = try ClusterServer()
    let channel = try await client(server.channel)
    var isHeld = true
    var attempts: [String] = []
    channel.onError = { _ in }
    channel.watch("a", acknowledges: true) { _ in
        attempts.append("a")
        while isHeld { try await WorkerTimer.sleep(0.001) }
    }
    try await channel.enqueueAndWait("a", data: 1)
    try await expectEventually { attempts == ["a"] }
    try server.kill()
    try await expectEventually { !channel.isConnected }
    try server.restart()
    try await expectEventually { channel.isConnected }
    channel.watch("b", acknowledges: true) { _ in
        attempts.append("b")
        guard attempts.count == 2 else { return }
        isHeld = false
        // As long as the server needs to hear of the other one.
        for _ in 0..<5 { try await channel.publishAndWait("nobody's", data: 0) }
        throw ClusterError.closed
    }
    try await channel.enqueueAndWait("b", data: 1)
    try await expectEventually { attempts == ["a", "b", "b"] }
    // So does what is said of one that came before the client was closed and connected again.
    var calls = 0
    var isFirstHeld = true
    let body = { (_: ChannelEvent) async throws in
        calls += 1
        if calls == 1 { while isFirstHeld { try await WorkerTimer.sleep(0.001) } }
        guard calls == 2 else { return }
        isFirstHeld = false
        for _ in 0..<5 { try await channel.publishAndWait("nobody's", data: 0) }
        throw ClusterError.closed
    }
    channel.watch("c", acknowledges: true, body)
    try await channel.enqueueAndWait("c", data: 1)
    try await expectEventually { calls == 1 }
    channel.close()
    channel.connect(server.channel)
    channel.watch("c", acknowledges: true, body)
    try await expectEventually { calls == 3 }
    channel.close()
}

func secrets(_ words: [String]) async throws {
    let server = try ClusterServer(["--secret", "open sesame"])
    let friend = try await client(server.channel, secret: "open sesame")
    var heard = 0
    friend.on("x") { _ in heard += 1 }
    expect(try await friend.publishAndWait("x", data: 1), is: 1)
    for secret in ["guess", nil] {
        let stranger = ChannelClient()
        var options = ChannelClientOptions()
        options.secret = secret
        var reasons: [String] = []
        stranger.onClose = { reasons.append($0) }
        stranger.connect([server.channel], options: options)
        stranger.publish("x", data: 2)
        try await expectEventually { reasons.contains { $0.contains("secret") } }
        stranger.close()
    }
    // A server that knows no secret is none of ours.
    let open = try ClusterServer()
    let careful = ChannelClient()
    var options = ChannelClientOptions()
    options.secret = "open sesame"
    var reasons: [String] = []
    careful.onClose = { reasons.append($0) }
    careful.connect([open.channel], options: options)
    try await expectEventually { reasons.contains("the server asks for no secret") }
    var data = GlobalDataClientOptions()
    data.secret = "open sesame"
    expect(try await !GlobalDataClient(server.data, options: data).contains("k"))
    data.secret = "guess"
    data.timeout = 0.3
    let refused = await expectError { _ = try await GlobalDataClient(server.data, options: data).contains("k") }
    expect("\(refused!)".contains("secret"), "\(refused!)")
    // Requests without a greeting get no answer, and nothing is done.
    let client = try Client(.unix(path: String(server.channel.dropFirst(5))))
    let message = #"{"type":"publish","channels":["x"],"data":3}"#
    try client.send([0, 0, 0, UInt8(message.utf8.count + 4)] + Array(message.utf8))
    let answer = try client.readToEnd()
    expect(String(decoding: answer.bytes.dropFirst(4), as: UTF8.self).hasPrefix(#"{"type":"challenge","nonce":""#))
    expect(try await friend.publishAndWait("x", data: 1), is: 1)
    try await expectEventually { heard == 2 }
    expect(!server.log.contains("sesame") && server.log.contains("does not know the secret"), server.log)
}

/// Events of one turn of the loop, large ones among them, and the answers to who sends them: in the order of sending.
private func eventsInOrder(_ path: String) throws {
    let client = try Client(.unix(path: path))
    let frame = { (text: String) in
        (0..<4).map { UInt8(truncatingIfNeeded: (text.utf8.count + 4) >> (24 - 8 * $0)) } + Array(text.utf8)
    }
    var sent = frame(#"{"type":"subscribe","channels":["own"]}"#)
    var expected: [UInt8] = []
    for number in 1...40 {
        let data = #"[\#(number),"\#(String(repeating: "x", count: number % 10 == 0 ? 10_000 : 300))"]"#
        let isAnswered = number % 7 == 0
        let id = isAnswered ? #","id":\#(number)"# : ""
        sent += frame(#"{"type":"publish","channels":["own"],"data":\#(data)\#(id)}"#)
        expected += frame(#"{"type":"event","channel":"own","data":\#(data)}"#)
        if isAnswered { expected += frame(#"{"type":"done","id":\#(number),"count":1}"#) }
    }
    try client.send(sent)
    let received = try client.read(expected.count)
    expect(received == expected, "events or answers out of order")
}

/// Spec 06 §3 and §17: the bytes.
func wire(_ words: [String]) async throws {
    let server = try ClusterServer()
    let path = String(server.channel.dropFirst(5))
    let subscriber = try Client(.unix(path: path))
    let subscribe = #"{"type":"subscribe","channels":["news"]}"#
    try subscriber.send([0, 0, 0, 0x2C] + Array(subscribe.utf8))
    try subscriber.send([0, 0, 0, 4])
    let publisher = try await client(server.channel)
    try await expectEventually { try await publisher.publishAndWait("news", data: ["a": 1]) == 1 }
    let event = #"{"type":"event","channel":"news","data":{"a":1}}"#
    expect(try subscriber.read(event.utf8.count + 4), is: [0, 0, 0, UInt8(event.utf8.count + 4)] + Array(event.utf8))
    try eventsInOrder(path)
    // Whoever sends garbage is sent away; the others stay.
    for garbage in ["\u{0}\u{0}\u{0}\u{6}{}", "\u{0}\u{0}\u{0}\u{9}hello", "GET / HTTP/1.1\r\n\r\n"] {
        let client = try Client(.unix(path: path))
        try client.send(garbage)
        _ = try client.readToEnd()
    }
    expect(try await publisher.publishAndWait("news", data: 1), is: 1)
    // One that does not read is sent away, too, before the server is full of what is for him.
    let slow = try Client(.unix(path: path), receiveBuffer: 4096)
    try slow.send([0, 0, 0, 0x2C] + Array(subscribe.utf8))
    try await expectEventually { try await publisher.publishAndWait("news", data: 1) == 2 }
    subscriber.close()
    let large = String(repeating: "x", count: 900_000)
    try await expectEventually { try await publisher.publishAndWait("news", data: large) == 0 }
    expect(server.log.contains("reads too slowly"), server.log)
    withExtendedLifetime(slow) {}
    publisher.close()
}
