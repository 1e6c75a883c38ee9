import ApusProtocols
import CApus

/// The state of one connection. It owns memory of its own only while a response head is split between two reads.
nonisolated struct LoadConnection {
    enum Phase: UInt8 {
        /// No descriptor; to be opened at `retryAt`.
        case waiting
        /// The handshake of TCP is under way.
        case connecting
        /// That of TLS is.
        case securing
        /// That of WebSocket is.
        case greeting
        case established
        /// The last response is in; the server is about to close.
        case closing
        /// Nothing to send before the next request of a load with a rate is due; the connection may be open.
        case idle
        /// Nothing more to do.
        case retired
    }

    var fd: Int32 = -1
    /// The session on it, where the load is over TLS.
    var tls: OpaquePointer?
    var phase = Phase.retired
    /// A response was completed on this very connection.
    var isReused = false
    /// The first attempt to connect has not ended.
    var isFirstAttempt = false
    /// It is in the queue of those that wait for a request.
    var isQueued = false
    /// What the poller watches for; 0 when it does not.
    var interest: UInt32 = 0
    /// The errno that sending failed with, while what the peer said before is read.
    var sendFailure: Int32 = 0
    /// Requests of the batch that are not answered yet.
    var unanswered = 0
    /// Bytes of those that are out, and that there are.
    var sentBytes = 0
    var batchBytes = 0
    /// When the batch was sent, or its connection begun where each request has its own; 0 before that.
    var startedAt: Int64 = 0
    /// When the request of a load with a rate was due.
    var dueAt: Int64 = 0
    /// When the connection last did what the timeout waits for.
    var progressAt: Int64 = 0
    var retryAt: Int64 = 0
    var reader = HTTPResponseReader()
    /// Where no HTTP is spoken.
    var messages = MessageReader()
    /// Bytes of the opening handshake of WebSocket that are out.
    var greeted = 0
    /// Broadcasts that have come to it, or were over before it was there; of pushes whether there was one.
    var heard = 0
    /// The number of the broadcast that it has sent.
    var ownBroadcast = 0
    /// It is one of those that each broadcast comes to.
    var isListening = false
    /// What it asks, where that is not the same each time.
    var visitor: Visitor?
    var carry = Carry()

    /// A handshake is under way.
    var isShakingHands: Bool { phase == .connecting || phase == .securing || phase == .greeting }

    /// Received bytes that wait for the rest of their unit.
    struct Carry {
        private(set) var count = 0
        private var capacity = 0
        private var bytes: UnsafeMutablePointer<UInt8>?

        /// Replaces what is held.
        mutating func hold(_ source: UnsafePointer<UInt8>, _ count: Int) {
            if count > capacity {
                bytes?.deallocate()
                capacity = max(512, count * 2)
                bytes = .allocate(capacity: capacity)
            }
            self.count = count
            bytes?.update(from: source, count: count)
        }

        /// Puts what is held before what will be read.
        func copy(to target: UnsafeMutablePointer<UInt8>) {
            if let bytes { target.update(from: bytes, count: count) }
        }

        mutating func clear() { count = 0 }

        mutating func deallocate() {
            bytes?.deallocate()
            self = Carry()
        }
    }
}
