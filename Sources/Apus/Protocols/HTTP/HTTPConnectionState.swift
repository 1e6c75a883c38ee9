import ApusProtocols

/// What HTTP remembers of a connection between two reads.
struct HTTPConnectionState {
    /// Bytes of the message that is arriving, once its head said so; 0 before.
    var expectedCount = 0
    /// The chunked body that is arriving.
    var chunked: ChunkedBody?
    /// A request was delivered and its answer is not complete.
    var isAnswering = false
    /// The connection stays open after the answer.
    var keepsAlive = true
    /// The request is HEAD: its answer has no body.
    var isHead = false
    /// More requests followed in the same read.
    var hasMore = false

    /// Forgets the message that has arrived.
    @inline(__always)
    mutating func messageArrived() {
        expectedCount = 0
        if chunked != nil { chunked = nil }
    }
}

/// A chunked body that is arriving: few connections have one.
final class ChunkedBody {
    var decoder: HTTPChunkedDecoder
    init(_ decoder: HTTPChunkedDecoder) { self.decoder = decoder }
}
