import CApus

/// Decodes a chunked body (RFC 9112 §7.1) in place and incrementally: each byte is looked at once, however the
/// input is split, and the decoded body ends up in one piece where the coded one started.
package struct HTTPChunkedDecoder {
    package enum Outcome: Equatable {
        case complete
        case incomplete
        case invalid(HTTPRequestError)
    }

    private enum Phase {
        case size, sizeExtension, sizeLF
        case data, dataCR, dataLF
        case trailerStart, trailerName, trailerValue, trailerLF, endLF
    }

    /// Digits of the size of a chunk: no more than an `Int` holds.
    private static let maxDigits = 16

    /// Where the next coded byte is read, from the start of the message.
    package private(set) var readOffset: Int
    /// Bytes decoded so far; they start at `bodyStart`.
    package private(set) var bodyCount = 0
    /// Where the trailer section starts and ends, without the empty line.
    package private(set) var trailerStart = 0
    package private(set) var trailerEnd = 0

    /// Where the body starts in the message, coded and decoded.
    package private(set) var bodyStart: Int
    /// Bytes of the trailer section that were read, the empty line that ends it included.
    package var trailerCount: Int { isInTrailer ? readOffset - trailerStart : 0 }
    private var isInTrailer = false
    /// Bytes that were read before `rebase`.
    private var passed = 0
    package let maxMessageBytes: Int
    private var phase = Phase.size
    private var digits = 0
    private var remaining = 0

    /// `bodyStart` is where the coded body starts in the message.
    package init(bodyStart: Int, maxMessageBytes: Int) {
        self.bodyStart = bodyStart
        self.readOffset = bodyStart
        self.maxMessageBytes = maxMessageBytes
    }

    /// Goes on with a message of which `count` bytes are there. Bytes beyond the bound are not looked at.
    package mutating func decode(_ message: UnsafeMutablePointer<UInt8>, count: Int) -> Outcome {
        let end = min(count, maxMessageBytes - passed)
        while readOffset < end {
            if phase == .data {
                copyData(message, end)
                continue
            }
            let byte = message[readOffset]
            readOffset &+= 1
            switch step(byte) {
            case .incomplete: continue
            case let outcome: return outcome
            }
        }
        return count > maxMessageBytes - passed ? .invalid(.contentTooLarge) : .incomplete
    }

    /// What was decoded has been taken, for a body that is not to be in one piece: the bytes that follow stand at the
    /// start of another message, and offsets count from there.
    package mutating func rebase() {
        passed &+= readOffset
        readOffset = 0
        bodyStart = 0
        bodyCount = 0
        trailerStart = 0
    }

    private mutating func copyData(_ message: UnsafeMutablePointer<UInt8>, _ end: Int) {
        let piece = min(remaining, end - readOffset)
        (message + (bodyStart + bodyCount)).update(from: message + readOffset, count: piece)
        bodyCount &+= piece
        readOffset &+= piece
        remaining &-= piece
        if remaining == 0 { phase = .dataCR }
    }

    private mutating func step(_ byte: UInt8) -> Outcome {
        switch phase {
        case .size: return stepSize(byte)
        case .sizeExtension:
            // RFC 9112 §7.1.1: an extension is ignored, but a control byte in it is an attempt at smuggling.
            if byte == 0x0D { return advance(to: .sizeLF) }
            return byte == 0x09 || (byte >= 0x20 && byte != 0x7F) ? .incomplete : .invalid(.badRequest)
        case .sizeLF:
            guard byte == 0x0A else { return .invalid(.badRequest) }
            return startChunk()
        case .data: return .incomplete
        case .dataCR: return expect(byte, 0x0D, then: .dataLF)
        case .dataLF: return expect(byte, 0x0A, then: .size)
        case .trailerStart:
            trailerEnd = readOffset - 1
            if byte == 0x0D { return advance(to: .endLF) }
            return capus_is_token(byte) != 0 ? advance(to: .trailerName) : .invalid(.badRequest)
        case .trailerName:
            if byte == 0x3A { return advance(to: .trailerValue) }
            return capus_is_token(byte) != 0 ? .incomplete : .invalid(.badRequest)
        case .trailerValue:
            if byte == 0x0D { return advance(to: .trailerLF) }
            return byte == 0x09 || (byte >= 0x20 && byte != 0x7F) ? .incomplete : .invalid(.badRequest)
        case .trailerLF: return expect(byte, 0x0A, then: .trailerStart)
        case .endLF: return byte == 0x0A ? .complete : .invalid(.badRequest)
        }
    }

    private mutating func stepSize(_ byte: UInt8) -> Outcome {
        if isHexDigit(byte) {
            digits &+= 1
            let value = Int(byte <= 0x39 ? byte &- 0x30 : (byte | 0x20) &- 0x61 &+ 10)
            guard digits <= Self.maxDigits, remaining < 1 << 59 else { return .invalid(.badRequest) }
            remaining = remaining << 4 | value
            return .incomplete
        }
        guard digits > 0 else { return .invalid(.badRequest) }
        switch byte {
        case 0x0D: return advance(to: .sizeLF)
        case UInt8(ascii: ";"): return advance(to: .sizeExtension)
        default: return .invalid(.badRequest)
        }
    }

    private mutating func startChunk() -> Outcome {
        digits = 0
        if remaining == 0 {
            trailerStart = readOffset
            isInTrailer = true
            return advance(to: .trailerStart)
        }
        // Decided from the size line, before the data arrives.
        guard remaining <= maxMessageBytes - passed - readOffset else { return .invalid(.contentTooLarge) }
        return advance(to: .data)
    }

    private mutating func advance(to next: Phase) -> Outcome {
        phase = next
        return .incomplete
    }

    private mutating func expect(_ byte: UInt8, _ expected: UInt8, then next: Phase) -> Outcome {
        byte == expected ? advance(to: next) : .invalid(.badRequest)
    }
}
