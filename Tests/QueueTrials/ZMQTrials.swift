import Apus
import ApusZeroMQ
import Glibc
import TestSupport
import TrialSupport

/// With libzmq as Python uses it, in a process of its own.
let zmqTrials: [String: Trial] = [
    "zmqPull": zmqPull, "zmqPush": zmqPush, "zmqSub": zmqSub, "zmqPub": zmqPub, "zmqRequests": zmqRequests,
    "zmqReplies": zmqReplies, "zmqRouter": zmqRouter, "zmqHighWater": zmqHighWater, "zmqPeerKilled": zmqPeerKilled,
    "zmqNews": zmqNews, "zmqErrors": zmqErrors, "zmqDescriptors": zmqDescriptors, "zmqShutDown": zmqShutDown,
    "zmqLargeParts": zmqLargeParts,
]

/// A peer in Python: `s` is its socket, of type `type`, connected to `endpoint` or bound and printing where.
func python(
    _ type: String, _ endpoint: String?, in folder: TemporaryFolder, highWaterMark: Int = 1000, _ body: String
) throws -> ServerProcess {
    let place = endpoint.map { "s.connect('\($0)')" } ?? "s.bind('tcp://127.0.0.1:*')"
    let script = """
        import zmq, sys, time
        c = zmq.Context()
        s = c.socket(zmq.\(type))
        s.setsockopt(zmq.SNDHWM, \(highWaterMark))
        s.setsockopt(zmq.RCVHWM, \(highWaterMark))
        \(place)
        print(s.getsockopt(zmq.LAST_ENDPOINT).decode().rstrip('\\0'), flush=True)
        \(body)
        s.close()
        c.term()
        """
    return try ServerProcess("/usr/bin/python3", ["-c", script], in: folder)
}

/// Waits for its end, beside the loop; what it printed since.
func output(_ peer: ServerProcess) async throws -> String {
    let held = HeldProcess(peer)
    return try await beside { try held.process.outputToEnd(within: 60) }
}

func line(_ peer: ServerProcess) async throws -> String {
    let held = HeldProcess(peer)
    return try await beside { try held.process.nextLine(within: 60) ?? "" }
}

// Used by one task after the other: hence @unchecked.
private nonisolated final class HeldProcess: @unchecked Sendable {
    let process: ServerProcess
    init(_ process: ServerProcess) { self.process = process }
}

private let many = 100_000

/// 10⁵ messages, then large ones, to a callback and to a sequence.
private func zmqPull(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let pull = try ZMQSocket(.pull)
    let endpoint = try pull.bind("tcp://127.0.0.1:*")
    expect(endpoint.hasPrefix("tcp://127.0.0.1:") && !endpoint.hasSuffix("*"), endpoint)
    let peer = try python(
        "PUSH", endpoint, in: folder,
        """
        for i in range(\(many)): s.send(b'%d' % i)
        for i in range(3): s.send_multipart([b'large', bytes(20_000_000), b''])
        """)
    var next = 0
    pull.onMessage = { _, message in
        expect(message.text, is: "\(next)")
        next += 1
        if next == many { pull.onMessage = nil }
    }
    try await expectEventually { next == many }
    var count = 0
    for try await message in pull.messages {
        expect(message.parts.map(\.count), is: [5, 20_000_000, 0])
        count += 1
        if count == 3 { break }
    }
    _ = try await output(peer)
    pull.close()
    expect(!pull.isOpen)
}

/// The same the other way.
private func zmqPush(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let peer = try python(
        "PULL", nil, in: folder,
        """
        for i in range(\(many)):
            assert s.recv() == b'%d' % i
        for i in range(3):
            assert s.recv_multipart() == [b'large', bytes(20_000_000), b'']
        print('all')
        """)
    let push = try ZMQSocket(.push)
    try push.connect(try await line(peer))
    for number in 0..<many { try await push.send(ZMQMessage("\(number)")) }
    let large = ZMQMessage(parts: [Array("large".utf8), [UInt8](repeating: 0, count: 20_000_000), []])
    var done = 0
    for _ in 0..<3 {
        push.send(large) { error in
            expect(error == nil)
            done += 1
        }
    }
    expect(try await output(peer), is: "all")
    try await expectEventually { done == 3 }
    push.close()
}

private func zmqSub(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let peer = try python(
        "XPUB", nil, in: folder, highWaterMark: 0,
        """
        assert s.recv() == b'\\x01a.'
        for i in range(\(many)): s.send_multipart([b'a.x' if i % 2 == 0 else b'b.x', b'%d' % i])
        assert s.recv() == b'\\x00a.'
        assert s.recv() == b'\\x01'
        s.send_multipart([b'c', b'end'])
        """)
    let sub = try ZMQSocket(.sub)
    try sub.connect(try await line(peer))
    try sub.subscribe("a.")
    for index in 0..<many / 2 { expect(try await sub.receive().text, is: "\(index * 2)") }
    try sub.unsubscribe("a.")
    try sub.subscribe("")
    expect(try await sub.receive(), is: ZMQMessage("c", "end"))
    _ = try await output(peer)
    sub.close()
}

private func zmqPub(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let pub = try ZMQSocket(.pub)
    let endpoint = try pub.bind("tcp://127.0.0.1:*")
    let peer = try python(
        "SUB", endpoint, in: folder, highWaterMark: 0,
        """
        s.setsockopt(zmq.SUBSCRIBE, b'news')
        first = s.recv_multipart()
        assert first[0] == b'news', first
        while True:
            topic, body = s.recv_multipart()
            assert topic == b'news', topic
            if body == b'end': break
        print('end')
        """)
    // Who subscribes late misses what was sent before: that is what PUB is.
    let end = Task { try await output(peer) }
    var isOver = false
    let sending = Task {
        while !isOver {
            expect(try pub.trySend(ZMQMessage("other", "x")))
            expect(try pub.trySend(ZMQMessage("news", "x")))
            expect(try pub.trySend(ZMQMessage("news", "end")))
            try await WorkerTimer.sleep(0.005)
        }
    }
    expect(try await end.value.hasSuffix("end"))
    isOver = true
    try await sending.value
    pub.close()
}

private func zmqRequests(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let peer = try python(
        "REP", nil, in: folder,
        """
        while True:
            m = s.recv_multipart()
            if m[0] == b'slow': time.sleep(0.5)
            s.send_multipart(m + [b'reply'])
            if m[0] == b'end': break
        time.sleep(0.2)
        """)
    let req = try ZMQSocket(.req)
    try req.connect(try await line(peer))
    for number in 0..<1000 {
        expect(try await req.request(ZMQMessage("\(number)", "x")), is: ZMQMessage("\(number)", "x", "reply"))
    }
    let tasks = (0..<20).map { number in Task { try await req.request(ZMQMessage("\(number)")) } }
    for (number, task) in tasks.enumerated() { expect(try await task.value, is: ZMQMessage("\(number)", "reply")) }
    let error = await expectError { _ = try await req.request(ZMQMessage("slow"), timeout: 0.05) }
    expect(error as? ZMQError == .replyTimedOut)
    // The reply to what was given up is not taken for this one's.
    expect(try await req.request(ZMQMessage("after")), is: ZMQMessage("after", "reply"))
    let cancelled = Task { try await req.request(ZMQMessage("slow")) }
    try await WorkerTimer.sleep(0.01)
    cancelled.cancel()
    expect(await expectError { _ = try await cancelled.value } is CancellationError)
    expect(try await req.request(ZMQMessage("end")), is: ZMQMessage("end", "reply"))
    _ = try await output(peer)
    req.close()
}

private func zmqReplies(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let rep = try ZMQSocket(.rep)
    let endpoint = try rep.bind("tcp://127.0.0.1:*")
    await expectError { _ = try rep.trySend(ZMQMessage("nobody has asked")) }
    rep.onMessage = { socket, message in expect(try socket.trySend(ZMQMessage(parts: message.parts + [[33]]))) }
    let body = """
        for i in range(1000):
            s.send_multipart([b'%d' % i, b''])
            assert s.recv_multipart() == [b'%d' % i, b'', b'!']
        print('all')
        """
    let peers = try (0..<3).map { _ in try python("REQ", endpoint, in: folder, body) }
    for peer in peers { expect(try await output(peer).hasSuffix("all")) }
    rep.close()
}

private func zmqRouter(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let router = try ZMQSocket(.router)
    let endpoint = try router.bind("tcp://127.0.0.1:*")
    let unknown = await expectError { try await router.send(ZMQMessage("nobody", "x")) }
    expect(unknown as? ZMQError == .noSuchPeer)
    router.onMessage = { socket, message in expect(try socket.trySend(message)) }
    let peer = try python(
        "DEALER", endpoint, in: folder,
        """
        for i in range(500): s.send_multipart([b'', b'%d' % i])
        for i in range(500): assert s.recv_multipart() == [b'', b'%d' % i]
        print('all')
        """)
    expect(try await output(peer).hasSuffix("all"))
    router.close()
    let other = try python(
        "ROUTER", nil, in: folder,
        """
        for i in range(500):
            m = s.recv_multipart()
            assert m[0] == b'me', m
            s.send_multipart(m)
        print('all')
        time.sleep(0.2)
        """)
    var options = ZMQOptions()
    options.identity = Array("me".utf8)
    options.heartbeat = 1
    let dealer = try ZMQSocket(.dealer, options: options)
    try dealer.connect(try await line(other))
    for number in 0..<500 { try await dealer.send(ZMQMessage("\(number)", "")) }
    for number in 0..<500 { expect(try await dealer.receive(), is: ZMQMessage("\(number)", "")) }
    expect(try await output(other), is: "all")
    dealer.close()
}

/// Full queues: `trySend` says so, `send` waits, in bounds and for a while, and nothing is lost or changes places.
private func zmqHighWater(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    var options = ZMQOptions()
    options.sendHighWaterMark = 10
    options.maxWaitingSends = 5
    let push = try ZMQSocket(.push, options: options)
    let endpoint = try push.bind("tcp://127.0.0.1:*")
    expect(try !push.trySend(ZMQMessage("nobody is there")))
    let go = folder.file("go")
    let peer = try python(
        "PULL", endpoint, in: folder, highWaterMark: 10,
        """
        import os
        while not os.path.exists('\(go)'): time.sleep(0.01)
        last = -1
        while True:
            m = s.recv_multipart()
            if m[0] == b'end': break
            assert int(m[0]) == last + 1, (m[0], last)
            last += 1
        print(last + 1)
        """)
    _ = try await line(peer)
    let body = [UInt8](repeating: 0, count: 100_000)
    func message(_ number: Int) -> ZMQMessage { ZMQMessage(parts: [Array("\(number)".utf8), body]) }
    try await push.send(message(0))
    var sent = 1
    while sent < 5000, try push.trySend(message(sent)) { sent += 1 }
    expect(sent < 5000)
    var outcomes: [Bool] = []
    for _ in 0..<7 {
        let number = sent
        push.send(message(number)) { error in outcomes.append(error == nil) }
        if outcomes.contains(false) { break }
        sent += 1
    }
    expect(outcomes, is: [false])
    expect(push.waitingSends, is: 5)
    expect(try !push.trySend(message(sent)), "nothing overtakes what waits")
    let cancelled = Task { try await push.send(message(-1)) }
    await expectError { try await cancelled.value }
    try writeText("", to: go)
    // There is room by and by, and the loop has had no chance to use it: nothing overtakes what waits.
    for _ in 0..<20 where push.waitingSends == 5 {
        usleep(10_000)
        if try push.trySend(message(sent)) { sent += 1 }
    }
    try await expectEventually { push.waitingSends == 0 }
    for _ in 0..<200 {
        try await push.send(message(sent))
        sent += 1
    }
    try await push.send(ZMQMessage("end"))
    expect(try await output(peer), is: "\(sent)")
    expect(outcomes, is: [false, true, true, true, true, true])
    push.close()
    // There is no room in time.
    options.sendTimeout = 0.05
    let lonely = try ZMQSocket(.push, options: options)
    try lonely.bind("tcp://127.0.0.1:*")
    let late = await expectError { try await lonely.send(ZMQMessage("x")) }
    expect(late as? ZMQError == .sendTimedOut)
    let waiting = Task { try await lonely.send(ZMQMessage("x")) }
    try await WorkerTimer.sleep(0.001)
    lonely.close()
    let closed = await expectError { try await waiting.value }
    expect(closed as? ZMQError == .closed || closed as? ZMQError == .sendTimedOut)
}

/// News of a message that a call took note of, so that the descriptor tells of them no more, are not lost.
private func zmqNews(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let peer = try python(
        "DEALER", nil, in: folder,
        """
        for i in range(20):
            assert s.recv() == b'ask'
            s.send(b'%d' % i)
            assert s.recv() == b'tell'
        print('all')
        """)
    let dealer = try ZMQSocket(.dealer)
    try dealer.connect(try await line(peer))
    var received = 0
    dealer.onMessage = { _, message in
        expect(message.text, is: "\(received)")
        received += 1
    }
    for round in 0..<20 {
        try await dealer.send(ZMQMessage("ask"))
        // Until all that the loop has to do is done, and the reply is not there.
        try await WorkerTimer.sleep(0)
        usleep(30_000)
        expect(try dealer.trySend(ZMQMessage("tell")))
        try await expectEventually { received == round + 1 }
    }
    expect(try await output(peer), is: "all")
    dealer.close()
}

/// The peer is killed in mid-traffic, and another one comes to its place.
private func zmqPeerKilled(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let body = """
        while True: s.send(s.recv())
        """
    var peer = try python("DEALER", nil, in: folder, body)
    let endpoint = try await line(peer)
    var options = ZMQOptions()
    options.maxReconnectInterval = 0.2
    let dealer = try ZMQSocket(.dealer, options: options)
    try dealer.connect(endpoint)
    var received = 0
    dealer.onMessage = { _, _ in received += 1 }
    var isOver = false
    let sending = Task {
        while !isOver {
            _ = try dealer.trySend(ZMQMessage("x"))
            try await WorkerTimer.sleep(0.001)
        }
    }
    for _ in 0..<3 {
        let before = received
        try await expectEventually { received > before + 100 }
        peer.signal(SIGKILL)
        _ = try peer.waitForExit()
        let script = "import zmq\nc = zmq.Context()\ns = c.socket(zmq.DEALER)\ns.bind('\(endpoint)')\n" + body
        peer = try ServerProcess("/usr/bin/python3", ["-c", script], in: folder)
    }
    let before = received
    try await expectEventually { received > before + 100 }
    isOver = true
    try await sending.value
    dealer.close()
}

private func zmqErrors(_ words: [String]) async throws {
    let pull = try ZMQSocket(.pull)
    let endpoint = try pull.bind("tcp://127.0.0.1:*")
    let other = try ZMQSocket(.pull)
    expect(await expectError { try other.bind(endpoint) } as? ZMQError == .addressInUse(endpoint))
    for text in ["", "nonsense", "http://x", "tcp://127.0.0.1", "tcp://127.0.0.1:x"] {
        let error = await expectError("\(text)") { try other.bind(text) }
        guard case ZMQError.invalidEndpoint? = error else {
            expect(false, "\(text): \(error as Any)")
            continue
        }
        await expectError { try other.connect(text) }
    }
    let sending = await expectError { _ = try pull.trySend(ZMQMessage("x")) }
    expect(sending as? ZMQError == .unsupported("send messages"))
    let push = try ZMQSocket(.push)
    await expectError { _ = try await push.receive() }
    expect(await expectError { _ = try push.trySend(ZMQMessage(parts: [])) } as? ZMQError == .emptyMessage)
    await expectError { try push.subscribe("x") }
    await expectError { _ = try await push.request(ZMQMessage("x")) }
    try pull.unbind(endpoint)
    // The listening socket is closed in the background.
    try await expectEventually { (try? other.bind(endpoint)) != nil }
    try push.connect(endpoint)
    try await push.send(ZMQMessage("hello"))
    expect(try await other.receive().text, is: "hello")
    try push.disconnect(endpoint)
    let waiting = Task { try await other.receive() }
    let ending = Task { () -> Int in
        var count = 0
        for try await _ in other.messages { count += 1 }
        return count
    }
    try await WorkerTimer.sleep(0.01)
    other.close()
    expect(await expectError { _ = try await waiting.value } as? ZMQError == .closed)
    expect(try await ending.value, is: 0)
    expect(await expectError { _ = try await other.receive() } as? ZMQError == .closed)
    expect(await expectError { try other.bind(endpoint) } as? ZMQError == .closed)
    var options = ZMQOptions()
    options.identity = []
    expect(await expectError { _ = try ZMQSocket(.dealer, options: options) } != nil)
    pull.onError = { _, error in expect("\(error)".contains("unsubscribed")) }
    push.close()
    pull.close()
}

/// Who sends a part that is too large is disconnected, and comes again.
private func zmqLargeParts(_ words: [String]) async throws {
    var options = ZMQOptions()
    options.maxPartBytes = 1000
    let pull = try ZMQSocket(.pull, options: options)
    let endpoint = try pull.bind("tcp://127.0.0.1:*")
    var sizes: [Int] = []
    pull.onMessage = { _, message in sizes.append(message.parts[0].count) }
    let push = try ZMQSocket(.push)
    try push.connect(endpoint)
    try await push.send(ZMQMessage(parts: [[UInt8](repeating: 1, count: 1000)]))
    try await expectEventually { sizes == [1000] }
    try await push.send(ZMQMessage(parts: [[UInt8](repeating: 1, count: 1001)]))
    // What stands behind it may go with the connection.
    try await expectEventually {
        try await push.send(ZMQMessage(parts: [[UInt8](repeating: 1, count: 10)]))
        return sizes.contains(10)
    }
    expect(!sizes.contains(1001))
    push.close()
    pull.close()
}

/// Sockets come and go, by `close` and by being let go of.
private func zmqDescriptors(_ words: [String]) async throws {
    let first = try ZMQSocket(.pull)
    first.close()
    try await WorkerTimer.sleep(0.1)
    let before = openDescriptors()
    for round in 0..<300 {
        let pull = try ZMQSocket(.pull)
        let push = try ZMQSocket(.push)
        try push.connect(try pull.bind("tcp://127.0.0.1:*"))
        try await push.send(ZMQMessage("\(round)"))
        expect(try await pull.receive().text, is: "\(round)")
        if round % 2 == 0 { push.close() }
        // The others are let go of here.
    }
    try await expectEventually("descriptors") { openDescriptors() <= before + 2 }
}

/// What was accepted is still sent; closing and ending take no longer than allowed though there is nobody.
private func zmqShutDown(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let peer = try python(
        "PULL", nil, in: folder,
        """
        for i in range(500): assert s.recv() == b'%d' % i
        print('all')
        """)
    var options = ZMQOptions()
    options.linger = 20
    let push = try ZMQSocket(.push, options: options)
    try push.connect(try await line(peer))
    for number in 0..<500 { try await push.send(ZMQMessage("\(number)")) }
    push.close()
    expect(try await output(peer), is: "all")
    options.linger = 0.2
    let lonely = try ZMQSocket(.push, options: options)
    try lonely.connect("tcp://127.0.0.1:1")
    for _ in 0..<10 { _ = try lonely.trySend(ZMQMessage("lost")) }
    var ticks = 0
    let timer = WorkerTimer.every(0.01) { (_: WorkerTimer) in ticks += 1 }
    await ZMQContext.shared.shutDown()
    expect(ticks > 5, "the loop stood still: \(ticks)")
    timer.cancel()
    expect(!lonely.isOpen)
    // A later socket starts anew.
    let again = try ZMQSocket(.pull)
    try again.bind("tcp://127.0.0.1:*")
    await ZMQContext.shared.shutDown()
}
