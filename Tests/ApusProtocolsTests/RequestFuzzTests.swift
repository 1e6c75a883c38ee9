import ApusProtocols
import RequestCases
import TestSupport
import Testing

/// Changes requests at random, in ways that matter to HTTP.
struct RequestMutator {
    var generator: SeededGenerator
    /// Requests as they should be, from which most mutants come.
    let good: [[UInt8]]
    let corpus: [[UInt8]]

    static let tokens: [[UInt8]] = [
        "\r\n", "\r", "\n", "\r\n\r\n", " ", "\t", ":", ",", ";", "\u{0}", "\u{7F}", "0", "5", "ffffffff", "\r\n ",
        "Host: h\r\n",
        "Host: [::1]:8\r\n", "Content-Length: 3\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n",
        "chunked",
        "Connection: close\r\n", "Connection: keep-alive\r\n", "Expect: 100-continue\r\n", " HTTP/1.1\r\n", "HTTP/1.0",
        "GET ",
        "POST ", "GET / HTTP/1.1\r\n", "0\r\n\r\n", "5\r\nhello\r\n", "A: b\r\n", "100-continue", "close", ", close",
        "é",
    ].map { Array($0.utf8) }

    mutating func next() -> [UInt8] {
        let isGood = Int.random(in: 0..<4, using: &generator) > 0
        var bytes = (isGood ? good : corpus).randomElement(using: &generator)!
        for _ in 0..<Int.random(in: 1...3, using: &generator) { mutate(&bytes) }
        return bytes
    }

    private mutating func mutate(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else {
            bytes = Self.tokens.randomElement(using: &generator)!
            return
        }
        let position = Int.random(in: 0..<bytes.count, using: &generator)
        let end = min(bytes.count, position + Int.random(in: 1...12, using: &generator))
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 1: bytes[position] = UInt8.random(in: 0...255, using: &generator)
        case 2: bytes.removeSubrange(position..<end)
        case 3: bytes.insert(contentsOf: bytes[position..<end], at: position)
        case 4, 5: bytes.insert(contentsOf: Self.tokens.randomElement(using: &generator)!, at: position)
        case 6: bytes.removeSubrange(position...)
        default:
            let other = corpus.randomElement(using: &generator)!
            bytes.replaceSubrange(position..., with: other.suffix(Int.random(in: 0...other.count, using: &generator)))
        }
    }
}

@Suite struct `Mutated requests` {
    static let count = 200_000

    private static let cases: [RequestCase] = [
        RequestLineCases.methods, RequestLineCases.versions, RequestLineCases.lineEnds, FieldLineCases.names,
        FieldLineCases.values,
        FieldLineCases.lineEnds, HostCases.accepted, HostCases.refused, BodyLengthCases.lengths,
        BodyLengthCases.malformedLengths,
        BodyLengthCases.codings, BodyLengthCases.conflicts, PersistenceCases.connectionOptions,
        PersistenceCases.expectations, LimitCases.smallHeads, ChunkedBodyCases.accepted,
        ChunkedBodyCases.sizes, ChunkedBodyCases.extensions, ChunkedBodyCases.dataEnds, ChunkedBodyCases.trailers,
    ].flatMap { $0 }.filter { $0.bytes.count < 200 }

    @Test(arguments: [1, 2])
    func `are read the same however they arrive, and as the specification says`(_ seed: UInt64) {
        let good = Self.cases.filter { if case .request = $0.expected { true } else { false } }
        var mutator = RequestMutator(
            generator: SeededGenerator(seed: seed), good: good.map(\.bytes), corpus: Self.cases.map(\.bytes))
        let memory = GuardedMemory(capacity: 4096)
        var limits = HTTPRequestLimits()
        limits.maxHeadBytes = 128
        limits.maxFields = 5
        limits.maxMessageBytes = 160
        var requests = 0
        for round in 0..<Self.count / 2 {
            let bytes = mutator.next()
            guard !bytes.isEmpty else { continue }
            let someLimits = round % 2 == 0 ? limits : HTTPRequestLimits()
            let whole = memory.read(bytes, arrivals: [bytes.count], limits: someLimits)
            let arrivals =
                round % 8 == 0
                ? Array(1...bytes.count)
                : (0..<3).map { _ in Int.random(in: 1...bytes.count, using: &mutator.generator) }.sorted() + [
                    bytes.count
                ]
            let pieces = memory.read(bytes, arrivals: arrivals, limits: someLimits, atFront: true)
            if whole != pieces {
                Issue.record(
                    "\(String(decoding: bytes, as: UTF8.self).debugDescription) at \(arrivals): \(whole), \(pieces)")
                return
            }
            if case .outOfRange(let fault)? = whole.last { Issue.record("\(fault) in \(bytes)") }
            if case .request = whole[0] { requests += 1 } else if round % 4 != 0 { continue }
            if let fault = Self.disagreement(whole[0], ReferenceReader.read(bytes, limits: someLimits)) {
                Issue.record("\(String(decoding: bytes, as: UTF8.self).debugDescription): \(fault)")
                return
            }
        }
        #expect(requests > Self.count / 40, "too few mutants are still requests")
    }

    private static func disagreement(_ reading: Reading, _ reference: Reading) -> String? {
        switch (reading, reference) {
        case (.request, .request): reading == reference ? nil : "read as \(reading), by the book \(reference)"
        case (.refused, .refused), (.incomplete, .incomplete), (.refused, .incomplete): nil
        default: "read as \(reading), by the book \(reference)"
        }
    }
}
