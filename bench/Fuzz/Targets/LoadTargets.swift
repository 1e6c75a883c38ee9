/// What load generators and their agents say to each other, and how they find the ends of messages.
func fuzzLoad(_ input: UnsafeRawBufferPointer) {
    guard input.count > 2 else { return }
    let rest = UnsafeRawBufferPointer(rebasing: input[2...])
    let bytes = Array(rest)
    if let challenge = AgentGreeting.Challenge(decoding: bytes) {
        check(AgentGreeting.Challenge(decoding: challenge.encoded)?.nonce == challenge.nonce, "another challenge")
    }
    if let answer = AgentGreeting.Answer(decoding: bytes) {
        let again = AgentGreeting.Answer(decoding: answer.encoded)
        check(again?.nonce == answer.nonce && again?.proof == answer.proof, "another answer")
    }
    if let admission = AgentGreeting.Admission(decoding: bytes) {
        check(AgentGreeting.Admission(decoding: admission.encoded)?.proof == admission.proof, "another admission")
    }
    if let version = AgentGreeting.version(in: bytes) {
        check(AgentGreeting.preamble(version: version) == bytes, "another preamble")
    }
    var decoder = MessageDecoder(bytes)
    if let texts = decoder.strings() {
        check(texts.count <= bytes.count / 8, "\(texts.count) texts in \(bytes.count) bytes")
        var encoder = MessageEncoder()
        encoder.append(texts)
        var again = MessageDecoder(encoder.bytes)
        check(again.strings() == texts && again.isAtEnd, "other texts")
    }
    let spoken = [LoadProtocol.text, .frame, .webSocket, .tcp][Int(input[0] & 3)]
    let whole = ends(rest, spoken, step: .max)
    for step in [1, 1 + Int(input[1] & 63)] {
        let pieces = ends(rest, spoken, step: step)
        check(whole == pieces, "\(whole) whole, \(pieces) in pieces of \(step)")
    }
}

/// Where messages and pings end, and what ended all: −1 a close frame, −2 something wrong.
private func ends(_ stream: UnsafeRawBufferPointer, _ spoken: LoadProtocol, step: Int) -> [Int] {
    var reader = MessageReader()
    var ends: [Int] = []
    var (start, end) = (0, 0)
    while end < stream.count {
        end += min(step, stream.count - end)
        // The byte behind is readable, as in a receive buffer.
        let held = Array(stream[start..<end]) + [0]
        let isOver = held.withUnsafeBufferPointer { buffer in
            var p = buffer.baseAddress!
            let limit = p + (held.count - 1)
            while p < limit {
                let outcome = reader.read(&p, limit, spoken, count: 3)
                check(p >= buffer.baseAddress! && p <= limit, "beyond the bytes")
                switch outcome {
                case .complete: ends.append(start + (p - buffer.baseAddress!))
                case .ping(let count):
                    check(count <= 125, "a ping of \(count) bytes")
                    ends.append(start + (p - buffer.baseAddress!))
                case .incomplete:
                    start += p - buffer.baseAddress!
                    return false
                case .closed:
                    ends.append(-1)
                    return true
                case .malformed:
                    ends.append(-2)
                    return true
                }
            }
            start += p - buffer.baseAddress!
            return false
        }
        if isOver { return ends }
    }
    return ends
}
