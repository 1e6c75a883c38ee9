import ApusProtocols

/// What HTTP remembers of a connection between two reads.
struct HTTPConnectionState {
    /// Bytes of the message that is arriving, once its head said so; 0 before.
    var expectedCount = 0
    /// The chunked body that is arriving.
    var chunked: ChunkedBody?
    /// How far the answer to the request that was delivered is.
    var phase = AnswerPhase.none
    /// A request was delivered and its answer is not complete.
    var isAnswering: Bool { phase != .none }
    /// The connection stays open after the answer.
    var keepsAlive = true
    /// The request is HEAD: its answer has no body.
    var isHead = false
    /// The client speaks HTTP/1.1: it knows chunked bodies.
    var knowsChunks = true
    /// More requests followed in the same read.
    var hasMore = false
    /// The body of the request that was delivered is still arriving: see `BodyIntake`.
    var streamsBody = false
    /// Somebody waits for more of that body.
    var wantsBody = false

    /// Forgets the message that has arrived.
    @inline(__always)
    mutating func messageArrived() {
        expectedCount = 0
        if chunked != nil { chunked = nil }
    }
}

/// What has happened of an answer.
enum AnswerPhase: UInt8 {
    /// No request waits for one.
    case none
    /// Nothing.
    case due
    /// Its head was sent, and its body follows piece by piece.
    case streaming
    /// The same, and there is no end to wait for.
    case events
}

/// A chunked body that is arriving: few connections have one.
final class ChunkedBody {
    var decoder: HTTPChunkedDecoder
    init(_ decoder: HTTPChunkedDecoder) { self.decoder = decoder }
}
