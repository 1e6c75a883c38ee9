import ApusProtocols
import CApus
import TestSupport
import Testing

/// Which prefixes a text may have (RFC 3629 §4), written as the table stands there.
private struct SlowTextCheck {
    private static let sequences: [[ClosedRange<UInt8>]] = [
        [0x00...0x7F], [0xC2...0xDF, 0x80...0xBF],
        [0xE0...0xE0, 0xA0...0xBF, 0x80...0xBF], [0xE1...0xEC, 0x80...0xBF, 0x80...0xBF],
        [0xED...0xED, 0x80...0x9F, 0x80...0xBF], [0xEE...0xEF, 0x80...0xBF, 0x80...0xBF],
        [0xF0...0xF0, 0x90...0xBF, 0x80...0xBF, 0x80...0xBF], [0xF1...0xF3, 0x80...0xBF, 0x80...0xBF, 0x80...0xBF],
        [0xF4...0xF4, 0x80...0x8F, 0x80...0xBF, 0x80...0xBF],
    ]

    /// Nil: no text begins like this; otherwise whether it may end here.
    static func check(_ bytes: [UInt8]) -> Bool? {
        var rest = bytes[...]
        while !rest.isEmpty {
            let fitting = sequences.first { sequence in zip(sequence, rest).allSatisfy { $0.contains($1) } }
            guard let fitting else { return nil }
            if fitting.count > rest.count { return false }
            rest = rest.dropFirst(fitting.count)
        }
        return true
    }
}

@Suite struct `WebSocket text` {
    private func check(_ bytes: ArraySlice<UInt8>, _ state: UInt8 = 0) -> UInt8 {
        bytes.withUnsafeBufferPointer { bytes in
            bytes.baseAddress.map { capus_check_utf8($0, bytes.count, state) } ?? state
        }
    }

    private func verdict(_ state: UInt8) -> Bool? { state == UInt8(CAPUS_UTF8_INVALID) ? nil : state == 0 }

    @Test func `of two bytes is what RFC 3629 allows`() {
        for first in UInt8.min...UInt8.max {
            #expect(verdict(check([first])) == SlowTextCheck.check([first]))
            let wrong = (UInt8.min...UInt8.max).filter { second in
                verdict(check([first, second])) != SlowTextCheck.check([first, second])
            }
            #expect(wrong.isEmpty, "\(first)")
        }
    }

    @Test func `of every length and with every split is what RFC 3629 allows`() {
        let edges: [[UInt8]] = [
            [0xC2, 0x80], [0xDF, 0xBF], [0xE0, 0xA0, 0x80], [0xE0, 0x9F, 0xBF], [0xED, 0x9F, 0xBF], [0xED, 0xA0, 0x80],
            [0xEF, 0xBF, 0xBF], [0xF0, 0x90, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x8F, 0xBF, 0xBF],
            [0xF4, 0x90, 0x80, 0x80], [0xC0, 0xAF], [0xC1, 0xBF], [0xF5, 0x80, 0x80, 0x80], [0x80], [0xFF],
            [0xF1, 0x80, 0x80, 0x7F], [0xE1, 0x80, 0x41], [0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x92],
        ]
        for edge in edges {
            for before in [0, 1, 13, 14, 15, 16, 17, 31] {
                let bytes = [UInt8](repeating: 0x61, count: before) + edge + [UInt8](repeating: 0x62, count: 17)
                for end in before...bytes.count {
                    let text = bytes[..<end]
                    let expected = SlowTextCheck.check(Array(text))
                    #expect(verdict(check(text)) == expected)
                    let splits = text.indices.filter { verdict(check(text[$0...], check(text[..<$0]))) != expected }
                    #expect(splits.isEmpty)
                }
            }
        }
    }

    @Test(arguments: 0..<20)
    func `made at random is text where Swift says so`(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let pieces: [[UInt8]] = ["a", "bcdefghijklmnop", "é", "€", "𝄞"].map { Array($0.utf8) }
        for _ in 0..<50 {
            var bytes = (0..<12).flatMap { _ in pieces.randomElement(using: &generator) ?? [] }
            if Bool.random(using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            let isText = String(validating: bytes, as: UTF8.self) != nil
            #expect((check(bytes[...]) == 0) == isText)
            #expect((SlowTextCheck.check(bytes) == true) == isText)
        }
    }

    @Test func `is refused with the first byte that makes it impossible`() {
        // κόσμε, then what is beyond U+10FFFF, then more; split as a peer may that looks for this.
        let text = hex("CE BA E1 BD B9 CF 83 CE BC CE B5 F4 90 80 80 65 64 69 74 65 64")
        let frame = webSocketFrame(1, text)
        for step in [1, 2, 3, 7] {
            var reader = WebSocketReader()
            for start in stride(from: 0, to: 6 + 13, by: step) {
                #expect(reader.events.isEmpty)
                reader.feed(frame[start..<min(start + step, 6 + 13)])
            }
            #expect(reader.events == [.failed(.invalidText)])
        }
        var fragments = WebSocketReader()
        fragments.feed(webSocketFrame(1, Array(text[..<12]), isFinal: false))
        #expect(fragments.events.isEmpty)
        fragments.feed(webSocketFrame(0, Array(text[12..<13]), isFinal: false))
        #expect(fragments.events == [.failed(.invalidText)])
    }

    @Test func `is checked, and other bytes are not`() {
        var reader = WebSocketReader()
        reader.feed(webSocketFrame(2, [0xFF]) + webSocketFrame(2, [0xFF], isFinal: false) + webSocketFrame(0, [0xFE]))
        #expect(reader.events == [.binary([0xFF]), .binary([0xFF, 0xFE])])
        var unfinished = WebSocketReader()
        unfinished.feed(webSocketFrame(1, [0xE2, 0x82], isFinal: false) + webSocketFrame(0))
        #expect(unfinished.events == [.failed(.invalidText)])
        // Bytes that are text by themselves do not go on with a character.
        var mixed = WebSocketReader()
        mixed.feed(webSocketFrame(1, [0xE2, 0x82], isFinal: false) + webSocketFrame(0, [0x61], isFinal: false))
        #expect(mixed.events == [.failed(.invalidText)])
    }

    @Test func `is unmasked at every length and phase, and nothing beside it`() {
        let mask: [UInt8] = [0x11, 0x22, 0x44, 0x08]
        let key = mask.withUnsafeBytes { $0.load(as: UInt32.self) }
        for count in 0...70 {
            for phase in 0..<4 {
                for other in [-1, 0, count / 2, count - 1] where other < count {
                    var clear = (0..<count).map { UInt8(($0 * 5) % 128) }
                    if other >= 0 { clear[other] |= 0x80 }
                    let masked = clear.enumerated().map { $1 ^ mask[($0 + phase) % 4] }
                    var memory = [0xAA] + masked + [0xBB]
                    let isOther = memory.withUnsafeMutableBufferPointer { memory in
                        memory.baseAddress.map { capus_unmask($0 + 1, count, key, phase) != 0 }
                    }
                    #expect(memory == [0xAA] + clear + [0xBB], "\(count) bytes from \(phase)")
                    #expect(isOther == (other >= 0), "\(count) bytes, \(other)")
                }
            }
        }
    }
}
