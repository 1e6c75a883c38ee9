import Apus
import ApusProtocols

/// Reads the responses on one connection, in place; what is sent are the bytes of requests.
nonisolated final class HTTPClientWire: PacketProtocol {
    /// What one read has brought.
    struct Input {
        /// The head of the response; nil when it was not complete, or came before.
        var head: ReceivedHead?
        /// Bytes of the body, without the framing of chunks.
        var body: [UInt8] = []
        var isComplete = false
        /// More came than was asked for.
        var hasSurplus = false
        var error: HTTPResponseError?
    }

    private struct Observer: HTTPResponseObserver {
        /// Where it was read.
        var head: UnsafeBufferPointer<UInt8>?
        var body: [UInt8] = []

        mutating func head(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
            head = UnsafeBufferPointer(start: bytes, count: count)
        }

        mutating func body(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
            body.append(contentsOf: UnsafeBufferPointer(start: bytes, count: count))
        }
    }

    // Used by the loop of its connection alone, as all that follows.
    @exclusivity(unchecked) private nonisolated(unsafe) var reader: HTTPResponseReader
    @exclusivity(unchecked) private nonisolated(unsafe) var input = Input()
    @exclusivity(unchecked) private nonisolated(unsafe) var isAwaiting = false
    @exclusivity(unchecked) private nonisolated(unsafe) var hasBody = true
    private let heads: ReceivedHeadCache

    init(maxHeadBytes: Int, heads: ReceivedHeadCache) {
        reader = HTTPResponseReader(maxUnitBytes: maxHeadBytes)
        self.heads = heads
    }

    var name: String { "http" }
    var schemes: [String] { ["http", "https", "tcp", "ssl", "unix"] }

    /// A request is being sent whose response has a body, or none as that of HEAD.
    func expectResponse(hasBody: Bool) {
        isAwaiting = true
        self.hasBody = hasBody
    }

    /// The connection cannot be used behind the response read last.
    var closes: Bool { reader.closes }
    /// Nothing of a response has been read.
    var isBetweenResponses: Bool { reader.isBetweenResponses }

    /// The server has closed: whether that completes the response.
    func finish() -> Bool { reader.finish() }

    func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength {
        guard isAwaiting else {
            input.hasSurplus = true
            return .length(bytes.count)
        }
        let start = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
        let end = start + bytes.count
        var p = start
        var observer = Observer()
        let outcome = reader.read(&p, end, hasBody: hasBody, cache: &heads.framing, observer: &observer)
        if let head = observer.head { input.head = heads.head(head, status: Int(reader.status)) }
        input.body = observer.body
        switch outcome {
        case .incomplete: return p == start ? .needMore : .length(p - start)
        case .complete:
            isAwaiting = false
            input.isComplete = true
            input.hasSurplus = p < end
        case .malformed(let error):
            isAwaiting = false
            input.error = error
        }
        return .length(bytes.count)
    }

    func decode(_ packet: UnsafeRawBufferPointer) -> Input {
        defer { input = Input() }
        return input
    }

    func encode(_ message: [UInt8], into packet: inout [UInt8]) { packet = message }
}
