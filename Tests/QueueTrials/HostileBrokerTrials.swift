import Apus
import ApusSTOMP
import Glibc
import TestSupport
import TrialSupport

/// With brokers that the trial plays itself, as nobody should.
let hostileBrokerTrials: [String: Trial] = [
    "cutBroker": cutBroker, "garbageBroker": garbageBroker, "silentBroker": silentBroker, "heartBeats": heartBeats,
    "slowBroker": slowBroker, "fastBroker": fastBroker,
]

/// What a broker says in a session: each piece is the answer to the frame that was read before.
private nonisolated let session = [
    "CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0",
    "RECEIPT\nreceipt-id:receipt-1\n\n\0MESSAGE\nsubscription:client-1\nmessage-id:1\nack:1\ndestination:/queue/a\n"
        + "content-length:3\n\na\0b\0\n",
    "RECEIPT\nreceipt-id:receipt-2\n\n\0",
]

/// A peer that is used by one task after the other.
// That is why it may be sent: hence @unchecked.
private nonisolated final class Peer: @unchecked Sendable {
    let client: Client
    init(_ client: Client) { self.client = client }
}

/// Reads frames of the client, and answers each with the next piece, of all of them the first `count` bytes. Then the
/// connection ends, or does not.
private nonisolated func play(_ peer: Client, upTo count: Int, garbage: [UInt8] = []) throws {
    var left = count
    for piece in session where left > 0 {
        _ = try peer.read(through: "\0")
        try peer.send(Array(piece.utf8.prefix(left)))
        left -= piece.utf8.count
    }
    if !garbage.isEmpty { _ = try peer.sendWhilePossible(garbage) }
}

/// The connection breaks at every byte of a session: whoever waits gets an error, and the next session works.
private func cutBroker(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let acceptor = try Acceptor("ipv4", in: folder)
    let length = session.reduce(0) { $0 + $1.utf8.count }
    let client = try client(["stomp://\(acceptor.endpoint)"]) {
        $0.reconnectPeriod = 0
        $0.heartBeat = .off
    }
    var descriptors = 0
    for count in 0...length {
        let broker = Task { try await beside { try play(try acceptor.accept(), upTo: count) } }
        let messages = client.messages(from: "/queue/a")
        do {
            try await client.connect()
            try await client.sendConfirmed("x", to: "/queue/a")
            // The script confirms what the first session asks for alone.
            expect(false, "\(count)")
        } catch {
            guard error is STOMPError else { return expect(false, "\(error)") }
        }
        try await broker.value
        try await expectEventually("\(count)") { client.state == .disconnected }
        do { while try await messages.next() != nil {} } catch { expect(error is STOMPError, "\(error)") }
        // What connections share is there by then.
        if count == 10 { descriptors = openDescriptors() }
    }
    // One whose numbers fit gets everything.
    for count in [length - 1, length] {
        let fresh = try STOMPClient("stomp://\(acceptor.endpoint)", options: noReconnect)
        let broker = Task { try await beside { try play(try acceptor.accept(), upTo: count) } }
        let messages = fresh.messages(from: "/queue/a")
        try await fresh.connect()
        expect(try await messages.next()?.body ?? [], is: [97, 0, 98])
        if count == length {
            try await fresh.sendConfirmed("x", to: "/queue/a")
        } else {
            let error = await expectError { try await fresh.sendConfirmed("x", to: "/queue/a") }
            guard case STOMPError.connectionLost? = error else { return expect(false, "\(error as Any)") }
        }
        try await broker.value
        try await expectEventually { fresh.state == .disconnected }
    }
    client.close()
    try await expectEventually("\(openDescriptors()) descriptors, \(descriptors) before") {
        openDescriptors() <= descriptors
    }
}

private var noReconnect: STOMPOptions {
    var options = STOMPOptions()
    options.reconnectPeriod = 0
    options.heartBeat = .off
    return options
}

func openDescriptors() -> Int {
    (0..<1024).count { fcntl(Int32($0), F_GETFD) >= 0 }
}

/// What is no STOMP ends the session with an error that says so, wherever it comes.
private func garbageBroker(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let acceptor = try Acceptor("ipv4", in: folder)
    let garbage: [String] = [
        "HTTP/1.1 400 Bad Request\r\n\r\n", "\0", "MESSAGE\nno colon\n\n\0", "SEND\ndestination:x\n\n\0",
        "CONNECTED\nversion:1.2\n\n\0", "RECEIPT\n\n\0", "MESSAGE\ncontent-length:x\n\n\0",
        "MESSAGE\ncontent-length:2\n\nabc\0", "MESSAGE\na:\\x\n\n\0", "MESSAGE\ncontent-length:99999999\n\n",
        "MESSAGE\n" + String(repeating: "a:b\n", count: 300) + "\n\0", String(repeating: "A", count: 100_000),
        "MESSAGE\na:" + String(repeating: "b", count: 100_000),
    ]
    let first = session[0].utf8.count
    for isEarly in [true, false] {
        for text in garbage where !(isEarly && text.hasPrefix("CONNECTED")) {
            let client = try STOMPClient("stomp://\(acceptor.endpoint)", options: noReconnect)
            var errors: [any Error] = []
            client.onError = { errors.append($1) }
            let broker = Task {
                try await beside {
                    let peer = try acceptor.accept()
                    if isEarly { _ = try peer.read(through: "\0") }
                    try play(peer, upTo: isEarly ? 0 : first, garbage: Array(text.utf8))
                    _ = try peer.readToEnd()
                }
            }
            try? await client.connect()
            try await broker.value
            try await expectEventually { client.state == .disconnected }
            guard case STOMPError.protocolViolation? = errors.first as? STOMPError, errors.count == 1 else {
                return expect(false, "\(text.prefix(40).debugDescription): \(errors)")
            }
        }
    }
    for (reply, version) in [
        ("CONNECTED\nversion:2.0\n\n\0", "2.0"), ("CONNECTED\nversion:1.2\nheart-beat:x\n\n\0", ""),
    ] {
        let client = try STOMPClient("stomp://\(acceptor.endpoint)", options: noReconnect)
        let broker = Task {
            try await beside {
                let peer = try acceptor.accept()
                try peer.send(reply)
                _ = try peer.readToEnd()
            }
        }
        let error = await expectError { try await client.connect() }
        expect("\(error!)".contains(version), "\(error!)")
        guard case STOMPError.protocolViolation? = error else { return expect(false, "\(error as Any)") }
        try await broker.value
    }
}

/// A broker that accepts and says nothing, or never confirms.
private func silentBroker(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let acceptor = try Acceptor("ipv4", in: folder)
    var options = noReconnect
    options.connectTimeout = 0.2
    options.receiptTimeout = 0.2
    let client = try STOMPClient("stomp://\(acceptor.endpoint)", options: options)
    let error = await expectError { try await client.connect() }
    expect("\(error!)".contains("no session within 0.2 seconds"), "\(error!)")
    try await beside { try acceptor.accept().close() }
    let broker = Task {
        try await beside {
            let peer = try acceptor.accept()
            try peer.send(session[0])
            return Peer(peer)
        }
    }
    // Not to be hurried on a slow machine.
    options.connectTimeout = 30
    let other = try STOMPClient("stomp://\(acceptor.endpoint)", options: options)
    try await other.connect()
    let late = await expectError { try await other.sendConfirmed("x", to: "/queue/a") }
    expect(late as? STOMPError == .timedOut)
    expect(other.state, is: .established)
    let peer = try await broker.value
    // A confirmation that comes too late is nobody's.
    try await beside { try peer.client.send("RECEIPT\nreceipt-id:receipt-1\n\n\0") }
    await other.disconnect()
    expect(other.state, is: .disconnected)
    let written = try await beside { try peer.client.textToEnd() }
    expect(written.contains("\nreceipt:receipt-1\n"))
    expect(written.contains("DISCONNECT\nreceipt:receipt-2\n\n\0"), written.debugDescription)
}

/// This side's promise is kept, and the broker's is looked at.
private func heartBeats(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let acceptor = try Acceptor("ipv4", in: folder)
    var options = noReconnect
    options.heartBeat = .init(sends: 0.05, expects: 0.05)
    let client = try STOMPClient("stomp://\(acceptor.endpoint)", options: options)
    var errors: [any Error] = []
    client.onError = { errors.append($1) }
    let broker = Task {
        try await beside { () -> Int in
            let peer = try acceptor.accept()
            let connect = String(decoding: try peer.read(through: "\0"), as: UTF8.self)
            guard connect.contains("\nheart-beat:50,50\n") else { throw Failure(connect) }
            try peer.send("CONNECTED\nversion:1.1\nheart-beat:100,100\n\n\0")
            for _ in 0..<10 {
                guard try peer.read(1) == [0x0A] else { throw Failure("no heart-beat") }
                try peer.send("\n")
            }
            // From here on it is silent.
            return try peer.readToEnd().bytes.count
        }
    }
    try await client.connect()
    expect(try await broker.value > 0)
    try await expectEventually { !errors.isEmpty }
    guard case STOMPError.heartBeatMissed? = errors.first as? STOMPError else { return expect(false, "\(errors)") }
    expect(client.state, is: .disconnected)
}

/// A broker that does not read: what is sent waits in bounds.
private func fastBroker(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let acceptor = try Acceptor("ipv4", in: folder)
    var options = noReconnect
    options.maxBufferedBytes = 100_000
    let client = try STOMPClient("stomp://\(acceptor.endpoint)", options: options)
    var errors: [any Error] = []
    client.onError = { errors.append($1) }
    let broker = Task {
        try await beside {
            let peer = try acceptor.accept()
            _ = try peer.read(through: "\0")
            try peer.send(session[0])
            // The subscription, and what is to be confirmed, which is not.
            _ = try peer.read(through: "\0")
            _ = try peer.read(through: "\0")
            return Peer(peer)
        }
    }
    try await client.connect()
    let messages = client.messages(from: "/queue/a")
    // While it is waited for, reading does not stop.
    let waiting = Task { try await client.sendConfirmed("x", to: "/queue/b") }
    let peer = try await broker.value
    let message =
        "MESSAGE\nsubscription:\(messages.subscription.id)\nmessage-id:1\ndestination:/queue/a\n\n"
        + String(repeating: "x", count: 10_000) + "\0"
    try await beside {
        try peer.client.send(String(repeating: message, count: 200))
        _ = try peer.client.read(through: "UNSUBSCRIBE\n")
    }
    var count = 0
    let end = await expectError { while try await messages.next() != nil { count += 1 } }
    // Four times as much as it may hold otherwise, with room for headers.
    expect(end as? STOMPError, is: .consumerTooSlow(count), "\(count)")
    expect(count * 10_000 <= 4 * 100_000 && count > 10, "\(count)")
    waiting.cancel()
    _ = await expectError { try await waiting.value }
    client.close()
}

private func slowBroker(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let acceptor = try Acceptor("ipv4", in: folder)
    var options = noReconnect
    options.maxUnsentBytes = 100_000
    let client = try STOMPClient("stomp://\(acceptor.endpoint)", options: options)
    let broker = Task {
        try await beside {
            let peer = try acceptor.accept()
            try peer.send(session[0])
            return Peer(peer)
        }
    }
    try await client.connect()
    let peer = try await broker.value
    var refused: (any Error)?
    client.onError = { refused = $1 }
    var sent = 0
    let body = [UInt8](repeating: 120, count: 10_000)
    while sent < 5000, client.send(body, to: "/queue/a") { sent += 1 }
    guard case STOMPError.sendBufferFull? = refused as? STOMPError else { return expect(false, "\(sent)") }
    let count = sent
    try await beside {
        _ = try peer.client.read(through: "\0")
        for _ in 0..<count { _ = try peer.client.read(through: "\0") }
    }
    expect(client.send(body, to: "/queue/a"))
    client.close()
}
