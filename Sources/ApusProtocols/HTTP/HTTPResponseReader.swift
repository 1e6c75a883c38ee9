/// Finds the ends of the responses in what a connection receives, in place and however it is split.
///
/// A head, a chunk-size line or a trailer line that is not complete is left unread: the caller brings it again with
/// what follows. Of a body nothing is ever kept.
package struct HTTPResponseReader {
    package enum Outcome: Equatable {
        /// A response ends here; `head` tells about it.
        case complete
        /// All that could be read has been read.
        case incomplete
        case malformed(HTTPResponseError)
    }

    @usableFromInline
    enum Phase: UInt8 {
        case head, body, untilClose, chunkSize, chunk, chunkEnd, trailer
    }

    /// A head, chunk-size line or trailer line that is larger is refused, unless told otherwise.
    package static let maxUnitBytes = 32 * 1024
    /// Interim responses that may stand before a response.
    private static let maxInterims = 32
    /// Bytes that chunk extensions, and the trailer section, may take beside a body that is as large.
    private static let maxOverheadBytes = 64 * 1024

    /// The status of the response read last.
    package internal(set) var status: UInt16 = 0
    /// The connection ends behind the response read last.
    package internal(set) var closes = false
    @usableFromInline
    var phase = Phase.head
    /// Interim responses that were read since the last response.
    @usableFromInline
    var interims: UInt8 = 0
    private let maxUnitBytes: Int32
    /// Bytes of a chunked body's framing beyond what its data allows for.
    private var overhead: Int32 = 0
    /// Bytes of the body or of the chunk that are still to come.
    private var remaining = 0

    /// `maxUnitBytes` bounds a head, a chunk-size line and a trailer line.
    package init(maxUnitBytes: Int = Self.maxUnitBytes) { self.maxUnitBytes = Int32(clamping: maxUnitBytes) }

    /// No byte of the next response has been read.
    package var isBetweenResponses: Bool { phase == .head && interims == 0 }

    /// Reads from `p` to the end of one response, or to `end`, and leaves `p` behind what was read. At `end`, or
    /// somewhere behind it, stands a zero, and `CAPUS_SCAN_PADDING` bytes are readable from there.
    @inlinable
    @inline(__always)
    package mutating func read(
        _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, hasBody: Bool, cache: inout HTTPResponseHeadCache
    ) -> Outcome {
        var nobody = NoHTTPResponseObserver()
        return read(&p, end, hasBody: hasBody, cache: &cache, observer: &nobody)
    }

    /// The same before somebody's eyes.
    @inlinable
    @inline(__always)
    package mutating func read(
        _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, hasBody: Bool, cache: inout HTTPResponseHeadCache,
        observer: inout some HTTPResponseObserver
    ) -> Outcome {
        // The same head means something else in a response to HEAD.
        if phase == .head, hasBody, cache.matches(p, end) {
            let head = cache.head
            observer.head(p, head.byteCount)
            p += head.byteCount
            status = head.status
            closes = head.closes
            if head.framing == .length, head.bodyCount <= end - p {
                observer.body(p, head.bodyCount)
                p += head.bodyCount
                interims = 0
                return .complete
            }
            begin(head)
        }
        return readUnits(&p, end, hasBody, &cache, &observer)
    }

    /// The peer has closed: whether that ends a response rather than cutting it off.
    package mutating func finish() -> Bool {
        guard phase == .untilClose else { return false }
        phase = .head
        return true
    }

    // MARK: Unit by unit

    @specialized(where Observer == NoHTTPResponseObserver)
    @usableFromInline
    mutating func readUnits<Observer: HTTPResponseObserver>(
        _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ hasBody: Bool,
        _ cache: inout HTTPResponseHeadCache, _ observer: inout Observer
    ) -> Outcome {
        while true {
            if remaining == 0, phase == .body || phase == .chunk {
                if phase == .body { return complete() }
                phase = .chunkEnd
            }
            guard p < end else { return .incomplete }
            let unit = p
            if let outcome = step(&p, end, hasBody, &cache, &observer) { return outcome }
            if p == unit {
                guard end - p <= maxUnitBytes else { return .malformed(tooLarge) }
                return .incomplete
            }
        }
    }

    /// Reads one unit, or leaves `p` where it is when the unit is not complete. An outcome is the final one.
    private mutating func step(
        _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ hasBody: Bool,
        _ cache: inout HTTPResponseHeadCache, _ observer: inout some HTTPResponseObserver
    ) -> Outcome? {
        switch phase {
        case .head: return readHead(&p, end, hasBody, &cache, &observer)
        case .body, .chunk:
            let count = min(remaining, end - p)
            observer.body(p, count)
            p += count
            remaining -= count
        case .untilClose:
            observer.body(p, end - p)
            p = end
        case .chunkSize:
            let line = p
            switch HTTPChunkLine.size(&p, end) {
            case .incomplete: break
            case .malformed: return .malformed(.chunk)
            case .size(let size):
                // As if it had come in pieces.
                guard p - line <= maxUnitBytes else { return .malformed(tooLarge) }
                guard mayGrow(by: p - line - 16 - min(size, Self.maxOverheadBytes)) else { return .malformed(.chunk) }
                remaining = size
                phase = size == 0 ? .trailer : .chunk
            }
        case .chunkEnd:
            switch HTTPChunkLine.end(&p, end) {
            case .incomplete: break
            case .malformed: return .malformed(.chunk)
            case .size: phase = .chunkSize
            }
        case .trailer:
            let line = p
            switch HTTPChunkLine.trailer(&p, end) {
            case .incomplete: break
            case .malformed: return .malformed(.trailer)
            case .size(0): return complete()
            case .size(let count):
                if p - line > maxUnitBytes || !mayGrow(by: count) { return .malformed(.trailer) }
            }
        }
        return nil
    }

    private mutating func readHead(
        _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ hasBody: Bool,
        _ cache: inout HTTPResponseHeadCache, _ observer: inout some HTTPResponseObserver
    ) -> Outcome? {
        switch HTTPResponseHeadParser.parse(p, end, hasBody: hasBody) {
        case .incomplete: return nil
        case .malformed(let reason): return .malformed(reason)
        case .complete(let head):
            guard head.byteCount <= maxUnitBytes else { return .malformed(.headTooLarge) }
            if head.isInterim {
                interims += 1
                // A server may say more than once that it is at work, not for ever.
                guard interims <= Self.maxInterims else { return .malformed(.statusLine) }
            } else {
                if hasBody { cache.remember(head, at: p) }
                observer.head(p, head.byteCount)
                status = head.status
                closes = head.closes
                begin(head)
            }
            p += head.byteCount
            return nil
        }
    }

    /// Counts framing that a body of few bytes does not need: a client that reads for ever is to be kept from nothing.
    private mutating func mayGrow(by count: Int) -> Bool {
        overhead = max(0, overhead + Int32(clamping: count))
        return overhead <= Self.maxOverheadBytes
    }

    @usableFromInline
    mutating func begin(_ head: HTTPResponseHead) {
        overhead = 0
        remaining = head.bodyCount
        switch head.framing {
        case .length: phase = .body
        case .chunked: phase = .chunkSize
        case .untilClose: phase = .untilClose
        }
    }

    private mutating func complete() -> Outcome {
        phase = .head
        interims = 0
        return .complete
    }

    private var tooLarge: HTTPResponseError {
        switch phase {
        case .head: .headTooLarge
        case .trailer: .trailer
        default: .chunk
        }
    }
}
