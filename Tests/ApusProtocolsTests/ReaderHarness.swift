import ApusProtocols

/// Feeds a response reader as a connection does: what is left unread comes again with what follows.
struct ReaderHarness {
    private static let padding = 64

    let hasBody: Bool
    private(set) var statuses: [UInt16] = []
    private(set) var closes: [Bool] = []
    private(set) var malformed: HTTPResponseError?
    private var reader = HTTPResponseReader()
    private var held: [UInt8] = []
    /// As all connections of a process share one.
    private let cache: CacheBox

    final class CacheBox {
        var cache = HTTPResponseHeadCache()
    }

    init(hasBody: Bool = true, cache: CacheBox = CacheBox()) {
        self.hasBody = hasBody
        self.cache = cache
    }

    mutating func receive(_ bytes: some Sequence<UInt8>) {
        held += bytes
        let count = held.count
        // What a scanner reads ahead must not matter.
        let beyond = [UInt8](repeating: 0x61, count: 20) + [0] + [UInt8](repeating: 0x61, count: Self.padding)
        let padded = held + beyond
        padded.withUnsafeBufferPointer { padded in
            var p = padded.baseAddress!
            let end = p + count
            while malformed == nil, p < end {
                switch reader.read(&p, end, hasBody: hasBody, cache: &cache.cache) {
                case .complete:
                    statuses.append(reader.status)
                    closes.append(reader.closes)
                case .incomplete:
                    held = Array(UnsafeBufferPointer(start: p, count: end - p))
                    return
                case .malformed(let reason): malformed = reason
                }
            }
            held = Array(UnsafeBufferPointer(start: p, count: end - p))
        }
    }

    /// The peer has closed.
    mutating func finish() {
        guard reader.finish() else { return }
        statuses.append(reader.status)
        closes.append(reader.closes)
    }

    /// Nothing of a further response has come.
    var isBetweenResponses: Bool { reader.isBetweenResponses && held.isEmpty }
}

/// Lines with CRLF, and an empty one behind them.
func head(_ lines: String...) -> String { lines.map { $0 + "\r\n" }.joined() + "\r\n" }
