import ApusProtocols
import CApus
import Glibc
import RequestCases

/// Reads one message as a connection does: the head, then its body, each time with more bytes in the same place.
struct MessageReader {
    private var parser: HTTPRequestParser
    private var decoder: HTTPChunkedDecoder?

    init(limits: HTTPRequestLimits, fields: UnsafeMutablePointer<HTTPFieldRange>) {
        parser = HTTPRequestParser(limits: limits, fields: fields)
    }

    mutating func read(_ message: UnsafeMutablePointer<UInt8>, count: Int) -> Reading {
        if decoder == nil {
            switch parser.parse(message, count: count) {
            case .incomplete: return .incomplete
            case .invalid(let error): return .refused(error)
            case .complete: break
            }
            if let fault = rangeFault(count) { return .outOfRange(fault) }
            guard parser.head.isChunked else { return readPlainBody(message, count) }
            decoder = HTTPChunkedDecoder(
                bodyStart: parser.head.byteCount, maxMessageBytes: parser.limits.maxMessageBytes)
        }
        switch decoder!.decode(message, count: count) {
        case .incomplete: return .incomplete
        case .invalid(let error): return .refused(error)
        case .complete: break
        }
        let decoder = decoder!
        let coded = parser.head.byteCount...decoder.readOffset
        guard decoder.readOffset <= count, decoder.bodyCount <= coded.count, decoder.bodyCount >= 0,
            coded.contains(decoder.trailerStart), coded.contains(decoder.trailerEnd),
            decoder.trailerStart <= decoder.trailerEnd
        else { return .outOfRange("chunked body of \(count) bytes: \(decoder)") }
        // Decoding in place must not have touched the head.
        let head = parser.head
        guard case .complete = parser.parse(message, count: head.byteCount), parser.head.byteCount == head.byteCount
        else { return .outOfRange("the head changed while its body was decoded") }
        return request(
            message, body: head.byteCount..<(head.byteCount + decoder.bodyCount),
            trailers: decoder.trailerStart..<decoder.trailerEnd, byteCount: decoder.readOffset)
    }

    private func readPlainBody(_ message: UnsafeMutablePointer<UInt8>, _ count: Int) -> Reading {
        let (total, overflow) = parser.head.byteCount.addingReportingOverflow(parser.head.contentLength)
        guard !overflow, total <= parser.limits.maxMessageBytes else { return .outOfRange("a length beyond the limit") }
        guard total <= count else { return .incomplete }
        return request(message, body: parser.head.byteCount..<total, trailers: 0..<0, byteCount: total)
    }

    private func request(
        _ message: UnsafeMutablePointer<UInt8>, body: Range<Int>, trailers: Range<Int>, byteCount: Int
    ) -> Reading {
        let head = parser.head
        func text(_ start: Int, _ count: Int) -> String {
            String(decoding: UnsafeBufferPointer(start: message + start, count: count), as: UTF8.self)
        }
        var request = ReadRequest()
        request.method = head.method
        request.target = text(Int(head.targetStart), Int(head.targetCount))
        request.minorVersion = head.minorVersion
        for field in UnsafeBufferPointer(start: parser.fields, count: head.fieldCount) {
            request.fields.append(
                text(Int(field.nameStart), Int(field.nameCount)) + ": "
                    + text(Int(field.valueStart), Int(field.valueCount)))
        }
        request.body = text(body.lowerBound, body.count)
        request.trailers = text(trailers.lowerBound, trailers.count)
        request.keepsAlive = head.keepsAlive
        request.expectsContinue = head.expectsContinue
        request.byteCount = byteCount
        return .request(request)
    }

    /// Every position lies in the head, in order: request line, then each name before its value.
    private func rangeFault(_ count: Int) -> String? {
        let head = parser.head
        guard head.byteCount <= count else { return "a head of \(head.byteCount) bytes in \(count)" }
        guard head.byteCount <= parser.limits.maxHeadBytes + 4 else { return "a head beyond its limit" }
        guard head.fieldCount <= parser.limits.maxFields else { return "\(head.fieldCount) fields" }
        let targetEnd = Int(head.targetStart) + Int(head.targetCount)
        guard head.pathOffset <= head.targetCount else { return "a path behind the target" }
        var position = targetEnd
        for field in UnsafeBufferPointer(start: parser.fields, count: head.fieldCount) {
            let nameEnd = Int(field.nameStart) + Int(field.nameCount)
            let valueEnd = Int(field.valueStart) + Int(field.valueCount)
            guard Int(field.nameStart) > position, field.nameCount > 0 else {
                return "field \(field) after position \(position)"
            }
            // The host of an absolute target is the value of the Host field.
            if head.pathOffset > 0, Int(field.valueStart) > Int(head.targetStart), valueEnd <= targetEnd {
                position = nameEnd
                continue
            }
            guard Int(field.valueStart) > nameEnd else { return "the value of \(field) before its name" }
            position = valueEnd
        }
        // The last line's end and the empty line follow.
        return position + 4 <= head.byteCount ? nil : "position \(position) in a head of \(head.byteCount) bytes"
    }
}

/// Memory between two pages that cannot be touched: reading or writing beyond it ends the test process.
final class GuardedMemory {
    private let base: UnsafeMutableRawPointer
    private let size: Int
    private let pageSize = sysconf(Int32(_SC_PAGESIZE))
    private let fields: UnsafeMutablePointer<HTTPFieldRange>
    /// Follows the zero after the last byte, and must not make a difference.
    private let filler = Array("A: b\r\n\r\nA\r\n0\r\n\r\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".utf8)
    static let maxFields = 256

    /// Room for streams of up to `capacity` bytes.
    init(capacity: Int) {
        let pages = (capacity + Int(CAPUS_SCAN_PADDING) + pageSize - 1) / pageSize
        size = (pages + 2) * pageSize
        base = mmap(nil, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        precondition(base != MAP_FAILED && mprotect(base + pageSize, pages * pageSize, PROT_READ | PROT_WRITE) == 0)
        fields = .allocate(capacity: Self.maxFields)
    }

    deinit {
        munmap(base, size)
        fields.deallocate()
    }

    /// Reads a stream of messages that arrives in pieces: `arrivals` are the numbers of bytes there are after each
    /// read, rising. Ends with the first message that is refused or incomplete.
    func read(
        _ stream: [UInt8], arrivals: some Sequence<Int>, limits: HTTPRequestLimits, atFront: Bool = false
    ) -> [Reading] {
        precondition(limits.maxFields <= Self.maxFields)
        let padding = Int(CAPUS_SCAN_PADDING)
        // With the padding that the parser may read, the stream ends where the memory ends; or starts where it starts.
        let raw = atFront ? base + pageSize : base + (size - pageSize - padding - stream.count)
        let start = raw.assumingMemoryBound(to: UInt8.self)
        var readings: [Reading] = []
        var reader = MessageReader(limits: limits, fields: fields)
        var offset = 0
        var there = 0
        for count in arrivals {
            _ = stream.withUnsafeBytes { memcpy(start + there, $0.baseAddress! + there, count - there) }
            there = count
            start[count] = 0
            memcpy(start + (count + 1), filler, padding - 1)
            while offset < count {
                let reading = reader.read(start + offset, count: count - offset)
                if reading == .incomplete { break }
                readings.append(reading)
                guard case .request(let request) = reading else { return readings }
                offset += request.byteCount
                reader = MessageReader(limits: limits, fields: fields)
            }
        }
        return offset < there ? readings + [.incomplete] : readings
    }
}
