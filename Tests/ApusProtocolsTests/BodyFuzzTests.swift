import ApusProtocols
import TestSupport
import Testing

/// Bodies made of tokens that matter to a parser, cut and changed at random.
private struct BodyMutator {
    var generator: SeededGenerator
    let tokens: [[UInt8]]

    init(seed: UInt64, _ tokens: [String]) {
        generator = SeededGenerator(seed: seed)
        self.tokens = tokens.map { Array($0.utf8) }
    }

    mutating func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }

    /// Some tokens behind each other, now and then with a byte changed, left out or put in.
    mutating func next() -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<number(0..<24) { bytes += tokens.randomElement(using: &generator)! }
        for _ in 0..<number(0..<3) where !bytes.isEmpty {
            let position = number(0..<bytes.count)
            switch number(0..<3) {
            case 0: bytes[position] = UInt8(number(0..<256))
            case 1: bytes.remove(at: position)
            default: bytes.insert(UInt8(number(0..<256)), at: position)
            }
        }
        return bytes
    }
}

@Suite struct `Mutated bodies` {
    static let count = 100_000

    @Test func `Multipart parts are in order, apart, and between boundaries`() {
        let disposition = "Content-Disposition: form-data; name=\"a\""
        var mutator = BodyMutator(
            seed: 1,
            [
                "--b\r\n", "\r\n--b\r\n", "\r\n--b--", "\r\n--b--\r\n", "--b", "--", "\r", "\n", "\r\n", "\r\n\r\n",
                "b", "x",
                "\(disposition)\r\n\r\n", "\r\n--b\r\n\(disposition)\r\n\r\n", "\(disposition); filename=\"x\"\r\n\r\n",
                "\r\n--b\r\n\(disposition); filename*=utf-8''%41\r\n\r\n", "Content-Type: x\r\n", disposition, "; ",
                "\"",
                "\\", " ", "\t", "\u{0}", "é", "content", "=", ":", "*",
            ])
        var complete = 0
        for _ in 0..<Self.count {
            var bytes = mutator.next()
            if mutator.number(0..<2) == 0 { bytes = Array("--b\r\n\(disposition)\r\n\r\n".utf8) + bytes }
            if mutator.number(0..<2) == 0 { bytes += Array("\r\n--b--".utf8) }
            let limits = MultipartLimits(maxParts: 3, maxHeadBytes: 120, maxNameBytes: 8)
            guard case .success(let parts) = parse(bytes, limits: limits) else { continue }
            complete += 1
            if let fault = Self.fault(parts, bytes) {
                Issue.record("\(fault): \(String(decoding: bytes, as: UTF8.self).debugDescription)")
                return
            }
        }
        #expect(complete > Self.count / 20, "too few mutants are still forms: \(complete)")
    }

    private static func fault(_ parts: [MultipartPart], _ bytes: [UInt8]) -> String? {
        var end = 0
        for part in parts {
            guard part.head.lowerBound >= end, part.head.upperBound <= part.content.lowerBound else { return "order" }
            guard part.content.upperBound <= bytes.count else { return "beyond the end" }
            guard bytes[..<part.head.lowerBound].suffix(2) == [0x0D, 0x0A] else { return "no line before the header" }
            guard bytes[part.head].suffix(4) == [0x0D, 0x0A, 0x0D, 0x0A] else { return "no empty line" }
            end = part.content.upperBound
            // The CRLF in front of the boundary may be that of the empty line.
            let mark = part.content.isEmpty && bytes[end...].starts(with: "--b".utf8) ? "--b" : "\r\n--b"
            guard bytes[end...].starts(with: mark.utf8) else { return "no boundary behind the content" }
            guard part.name.utf8.count <= 8, part.head.count <= 120 else { return "beyond its bounds" }
        }
        return parts.count <= 3 ? nil : "too many"
    }

    @Test func `Multipart contents come back as they were put in`() {
        var mutator = BodyMutator(
            seed: 2, ["\r\n", "--b", "\r\n--b", "--", "\r", "\n", "-", "x", "\u{0}", "é", "b", "\r\n--bb"])
        let parser = MultipartParser(boundary: Array("b".utf8), limits: MultipartLimits())
        for _ in 0..<20_000 {
            // A line that is the boundary is the one thing a content cannot have.
            let contents = (0..<mutator.number(1..<4)).map { _ in mutator.next() }.filter { content in
                let text = [0x0D, 0x0A] + content + [0x0D, 0x0A]
                let ends = ["\r\n", "--\r\n"].map { Array("\r\n--b\($0)".utf8) }
                return !ends.contains { end in text.indices.contains { text[$0...].starts(with: end) } }
            }
            var bytes: [UInt8] = []
            for content in contents {
                bytes += Array("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n".utf8) + content + [0x0D, 0x0A]
            }
            bytes += Array("--b--\r\n".utf8)
            let parts = bytes.withUnsafeBytes { try? parser.parse($0) }
            if parts?.map({ Array(bytes[$0.content]) }) != contents {
                Issue.record("\(contents.map { String(decoding: $0, as: UTF8.self).debugDescription })")
                return
            }
        }
    }

    /// Calls `fault` with mutants until it finds one.
    private func search(_ mutator: BodyMutator, _ fault: (UnsafeRawBufferPointer) -> String?) {
        var mutator = mutator
        for _ in 0..<Self.count {
            let bytes = mutator.next()
            guard let found = bytes.withUnsafeBytes(fault) else { continue }
            Issue.record("\(found): \(String(decoding: bytes, as: UTF8.self).debugDescription)")
            return
        }
    }

    @Test func `Urlencoded fields lie in order within the form`() {
        let tokens = ["&", "=", "%", "%41", "%C3%A9", "%2", "%ff", "+", "a", "[", "]", "[]", "[k]", "é", "0"]
        search(BodyMutator(seed: 3, tokens)) { bytes in
            var scanner = URLEncodedScanner(bytes)
            var nesting = FormNesting()
            var end = 0
            var covered = 0
            while let field = scanner.next() {
                guard field.name.lowerBound >= end, field.name.upperBound <= field.value.lowerBound else {
                    return "order"
                }
                guard field.value.upperBound <= bytes.count else { return "beyond the end" }
                end = field.value.upperBound
                covered += field.name.count + field.value.count
                let texts = [field.name, field.value].map { range in
                    PercentCoding.decode(UnsafeRawBufferPointer(rebasing: bytes[range]), plusIsBlank: true)
                }
                let name = UnsafeRawBufferPointer(rebasing: bytes[field.name])
                let isIntact = !texts[0].unicodeScalars.contains("\u{FFFD}")
                guard !isIntact || PercentCoding.matches(name, texts[0], plusIsBlank: true) else { return "not found" }
                nesting.add(texts[0], texts[1])
            }
            _ = nesting.values
            // All that is missing are the marks between.
            return covered + bytes.count { $0 == 0x26 || $0 == 0x3D } >= bytes.count ? nil : "something is lost"
        }
    }

    @Test func `Cookies lie in order within the field`() {
        let tokens = [";", "; ", "=", "\"", "\\", " ", "\t", ",", "a", "b", "é", "\u{0}", "a=1", "$"]
        search(BodyMutator(seed: 4, tokens)) { bytes in
            var scanner = CookieScanner(bytes)
            var end = 0
            while let cookie = scanner.next() {
                guard !cookie.name.isEmpty, cookie.name.lowerBound >= end else { return "order" }
                guard cookie.value.lowerBound > cookie.name.upperBound, cookie.value.upperBound <= bytes.count else {
                    return "beyond the end"
                }
                let both = bytes[cookie.name.lowerBound..<cookie.value.upperBound]
                guard !both.contains(0x3B), !bytes[cookie.name].contains(0x3D) else { return "more than one" }
                end = cookie.value.upperBound
            }
            return scanner.position >= bytes.count ? nil : "something is left"
        }
    }

    @Test func `Names and types of any bytes are read without a trap`() {
        let tokens = [
            "form-data", ";", "; ", "=", "\"", "\\", "\\\"", "name", "filename", "filename*", "boundary", "utf-8''",
            "%22",
            "%", "%e2%82%ac", "/", "..", ".", " ", "multipart/form-data", "application/json", "é", "\u{0}", "'",
        ]
        search(BodyMutator(seed: 5, tokens)) { bytes in
            if let boundary = MediaType(bytes)?.boundary, !(1...70).contains(boundary.count) { return "boundary" }
            _ = FormName.decodeExtended(bytes)
            let base = FormName.base(FormName.decode(bytes, true))
            let isSafe = !base.contains { $0 == "/" || $0 == "\\" } && !base.hasPrefix(".") && base.utf8.count <= 200
            return isSafe ? nil : "unsafe name \(base.debugDescription)"
        }
    }
}
