import CApus
import Glibc

/// A request as one of the two reads it, as places in bytes.
struct Message {
    enum Outcome { case incomplete, complete, refused }

    var outcome = Outcome.incomplete
    var error = ""
    var method = ""
    var minorVersion = 1
    var target = 0..<0
    var fields: [(name: Range<Int>, value: Range<Int>)] = []
    var trailers: [(name: Range<Int>, value: Range<Int>)] = []
    var body = UnsafeRawBufferPointer(start: nil, count: 0)
    var byteCount = 0
    var keepsAlive = false
    /// Whether the target is absolute, so that its host replaces that of the Host field.
    var isAbsolute = false
}

/// Reads requests with Apus' parser and decoder, whole, as a connection does.
final class Reader {
    private let memory: UnsafeMutablePointer<UInt8>
    private let fields: UnsafeMutablePointer<HTTPFieldRange>
    private let limits = HTTPRequestLimits()
    static let capacity = 64 * 1024

    init() {
        memory = .allocate(capacity: Self.capacity + Int(CAPUS_SCAN_PADDING))
        memory.initialize(repeating: 0, count: Self.capacity + Int(CAPUS_SCAN_PADDING))
        fields = .allocate(capacity: limits.maxFields)
    }

    func read(_ input: UnsafeBufferPointer<UInt8>, _ message: inout Message) {
        memcpy(memory, input.baseAddress!, input.count)
        memset(memory + input.count, 0, Int(CAPUS_SCAN_PADDING))
        message.fields.removeAll(keepingCapacity: true)
        message.trailers.removeAll(keepingCapacity: true)
        var parser = HTTPRequestParser(limits: limits, fields: fields)
        switch parser.parse(memory, count: input.count) {
        case .incomplete:
            message.outcome = .incomplete
            return
        case .invalid(let error): return refuse(&message, error)
        case .complete: break
        }
        let head = parser.head
        message.method = head.method.name
        message.minorVersion = Int(head.minorVersion)
        message.target = Int(head.targetStart)..<(Int(head.targetStart) + Int(head.targetCount))
        message.isAbsolute = head.pathOffset > 0
        message.keepsAlive = head.keepsAlive
        for field in UnsafeBufferPointer(start: fields, count: head.fieldCount) {
            let name = Int(field.nameStart)..<(Int(field.nameStart) + Int(field.nameCount))
            let value = Int(field.valueStart)..<(Int(field.valueStart) + Int(field.valueCount))
            message.fields.append((name, value))
        }
        if head.isChunked { return readChunks(&message, head, input.count) }
        message.byteCount = head.byteCount + head.contentLength
        message.body = UnsafeRawBufferPointer(start: memory + head.byteCount, count: head.contentLength)
        message.outcome = message.byteCount <= input.count ? .complete : .incomplete
    }

    private static let ends = [
        "\r\n\r\n", "\r\n", "\n", "\r\nHost: h\r\n\r\n", "Host: h\r\n\r\n", " HTTP/1.1\r\nHost: h\r\n\r\n",
        "/ HTTP/1.1\r\nHost: h\r\n\r\n", "/1.1\r\nHost: h\r\n\r\n", "1\r\nHost: h\r\n\r\n", ": 1\r\nHost: h\r\n\r\n",
    ].map { Array($0.utf8) }

    /// Whether none of the ways to end the head that has begun makes it a request.
    func refusesAnyEnd(of input: UnsafeBufferPointer<UInt8>) -> Bool {
        Self.ends.allSatisfy { end in
            var message = Message()
            (Array(input) + end).withUnsafeBufferPointer { read($0, &message) }
            // A line end alone may leave the head without its end.
            return message.outcome == .refused || message.outcome == .incomplete && end.count < 4
        }
    }

    private func readChunks(_ message: inout Message, _ head: HTTPRequestHead, _ count: Int) {
        var decoder = HTTPChunkedDecoder(bodyStart: head.byteCount, maxMessageBytes: limits.maxMessageBytes)
        switch decoder.decode(memory, count: count) {
        case .incomplete:
            message.outcome = .incomplete
            return
        case .invalid(let error): return refuse(&message, error)
        case .complete: break
        }
        message.outcome = .complete
        message.byteCount = decoder.readOffset
        message.body = UnsafeRawBufferPointer(start: memory + head.byteCount, count: decoder.bodyCount)
        var position = decoder.trailerStart
        while position < decoder.trailerEnd {
            guard let colon = (position..<decoder.trailerEnd).first(where: { memory[$0] == UInt8(ascii: ":") }),
                let end = (colon..<decoder.trailerEnd).first(where: { memory[$0] == 0x0D })
            else { fatalError("trailers that are none") }
            message.trailers.append((position..<colon, (colon + 1)..<end))
            position = end + 2
        }
    }

    private func refuse(_ message: inout Message, _ error: HTTPRequestError) {
        message.outcome = .refused
        message.error = "\(error.rawValue)"
    }
}
