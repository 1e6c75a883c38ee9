/// Finds the ends of the responses in what a connection receives, in place and however it is split.
///
/// A head, a chunk-size line or a trailer line that is not complete is left unread: the caller brings it again with
/// what follows. Of a body nothing is ever kept.
package nonisolated struct ResponseReader {
    package enum Outcome: Equatable {
        /// A response ends here; `head` tells about it.
        case complete
        /// All that could be read has been read.
        case incomplete
        case malformed(MalformedReason)
    }

    private enum Phase: UInt8 {
        case head, body, untilClose, chunkSize, chunk, chunkEnd, trailer
    }

    /// A head, chunk-size line or trailer line that is larger is refused.
    package static let maxUnitBytes = 32 * 1024

    /// The status of the response read last.
    package private(set) var status: UInt16 = 0
    /// The connection ends behind the response read last.
    package private(set) var closes = false
    private var phase = Phase.head
    private var sawInterim = false
    /// Bytes of the body or of the chunk that are still to come.
    private var remaining = 0

    package init() {}

    /// No byte of the next response has been read.
    package var isBetweenResponses: Bool { phase == .head && !sawInterim }

    /// Reads from `p` to the end of one response, or to `end`, and leaves `p` behind what was read. At least
    /// `CAPUS_SCAN_PADDING` bytes behind `end` are readable.
    @inline(__always)
    package mutating func read(
        _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, hasBody: Bool, cache: inout ResponseHeadCache
    ) -> Outcome {
        if phase == .head, cache.matches(p, end) {
            let head = cache.head
            p += head.byteCount
            status = head.status
            closes = head.closes
            if head.framing == .length, head.bodyCount <= end - p {
                p += head.bodyCount
                sawInterim = false
                return .complete
            }
            begin(head)
        }
        return readUnits(&p, end, hasBody, &cache)
    }

    /// The peer has closed: whether that ends a response rather than cutting it off.
    package mutating func finish() -> Bool {
        guard phase == .untilClose else { return false }
        phase = .head
        return true
    }

    // MARK: Unit by unit

    @inline(never)
    private mutating func readUnits(
        _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ hasBody: Bool, _ cache: inout ResponseHeadCache
    ) -> Outcome {
        while true {
            if remaining == 0, phase == .body || phase == .chunk {
                if phase == .body { return complete() }
                phase = .chunkEnd
            }
            guard p < end else { return .incomplete }
            let unit = p
            if let outcome = step(&p, end, hasBody, &cache) { return outcome }
            if p == unit {
                guard end - p <= Self.maxUnitBytes else { return .malformed(tooLarge) }
                return .incomplete
            }
        }
    }

    /// Reads one unit, or leaves `p` where it is when the unit is not complete. An outcome is the final one.
    private mutating func step(
        _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ hasBody: Bool, _ cache: inout ResponseHeadCache
    ) -> Outcome? {
        switch phase {
        case .head: return readHead(&p, end, hasBody, &cache)
        case .body, .chunk:
            let count = min(remaining, end - p)
            p += count
            remaining -= count
        case .untilClose: p = end
        case .chunkSize:
            switch ChunkLine.size(&p, end) {
            case .incomplete: break
            case .malformed: return .malformed(.chunk)
            case .size(let size):
                remaining = size
                phase = size == 0 ? .trailer : .chunk
            }
        case .chunkEnd:
            switch ChunkLine.end(&p, end) {
            case .incomplete: break
            case .malformed: return .malformed(.chunk)
            case .size: phase = .chunkSize
            }
        case .trailer:
            switch ChunkLine.trailer(&p, end) {
            case .incomplete: break
            case .malformed: return .malformed(.trailer)
            case .size(let count): if count == 0 { return complete() }
            }
        }
        return nil
    }

    private mutating func readHead(
        _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ hasBody: Bool, _ cache: inout ResponseHeadCache
    ) -> Outcome? {
        switch ResponseHeadParser.parse(p, end, hasBody: hasBody) {
        case .incomplete: return nil
        case .malformed(let reason): return .malformed(reason)
        case .complete(let head):
            guard head.byteCount <= Self.maxUnitBytes else { return .malformed(.headTooLarge) }
            if head.isInterim {
                sawInterim = true
            } else {
                cache.remember(head, at: p)
                status = head.status
                closes = head.closes
                begin(head)
            }
            p += head.byteCount
            return nil
        }
    }

    private mutating func begin(_ head: ResponseHead) {
        remaining = head.bodyCount
        switch head.framing {
        case .length: phase = .body
        case .chunked: phase = .chunkSize
        case .untilClose: phase = .untilClose
        }
    }

    private mutating func complete() -> Outcome {
        phase = .head
        sawInterim = false
        return .complete
    }

    private var tooLarge: MalformedReason {
        switch phase {
        case .head: .headTooLarge
        case .trailer: .trailer
        default: .chunk
        }
    }
}
