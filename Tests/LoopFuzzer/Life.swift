import Apus

/// What is known of one connection: what its peer will say, what it was told, and how often each thing happened.
final class Life {
    /// Something that was given to `send`.
    struct Piece {
        let bytes: [UInt8]
        var isAccepted = true
    }

    let peer: Int
    /// What the peer's plan says, message by message.
    let expected: [String]
    var delivered: [String] = []
    var pieces: [Piece] = []
    var closes = 0
    var isClosed: Bool { closes > 0 }
    /// Handlers ended it in a way that sends what waits.
    var wasEnded = false
    /// Handlers ended it at once, or by throwing.
    var wasDestroyed = false
    /// `onBufferFull` was called, and `onBufferDrain` was not yet.
    var isFull = false
    private(set) var faults: [String] = []

    init(peer: Int, expected: [String]) {
        self.peer = peer
        self.expected = expected
    }

    nonisolated deinit {}

    func fault(_ text: String) { faults.append("peer \(peer): \(text)") }

    func deliver(_ message: String) {
        if isClosed { fault("a message came after onClose") }
        if delivered.count >= expected.count || expected[delivered.count] != message {
            fault("message \(delivered.count) is \"\(message.prefix(40))\"")
        }
        delivered.append(message)
    }

    /// Calls `send` for bytes that will be looked for at the peer.
    func offer(_ bytes: [UInt8], _ send: () -> SendResult) {
        let index = pieces.count
        pieces.append(Piece(bytes: bytes))
        let wasClosed = isClosed
        if send() == .failed {
            pieces[index].isAccepted = false
        } else if wasClosed {
            fault("something was sent after onClose")
        }
    }
}

/// Lives as long as the transport of a connection: what is left at the end of a schedule was leaked.
@MainActor final class Token {
    private(set) static var alive = 0
    init() { Self.alive += 1 }
    isolated deinit { Self.alive -= 1 }
}

enum TokenKey: StorageKey { typealias Value = Token }
/// Keeps a timer with the connection that its body knows.
enum TimerKey: StorageKey { typealias Value = WorkerTimer }
