/// Reads what a NATS server sends: a line, and behind the line of a message so many bytes as it says.
package struct NATSDecoder: Sendable {
    package enum Result: Equatable, Sendable {
        case needMore
        /// The first operation has this many bytes, which need not be there yet.
        case complete(Int)
        case invalid(String)
    }

    /// Bytes of a line: what a server says of itself names all servers of its cluster.
    package static let maxLineBytes = 64 * 1024
    /// The longest word of a server.
    private static let maxWordBytes = 4

    private let maxMessageBytes: Int

    /// Messages have so many bytes at most, with their headers.
    package init(maxMessageBytes: Int) { self.maxMessageBytes = maxMessageBytes }

    /// Finds the end of the first operation. `searched`: so many bytes were not enough, and had no end of a line.
    package func find(in bytes: UnsafeRawBufferPointer, searched: Int) -> Result {
        let lineFeed = bytes[min(searched, bytes.count)...].firstIndex(of: UInt8(ascii: "\n"))
        guard let lineFeed else {
            if !Self.mayBegin(bytes) { return .invalid("this is not what a NATS server says") }
            return bytes.count < Self.maxLineBytes ? .needMore : .invalid("a line of the server is too long")
        }
        do throws(NATSSyntaxError) {
            let line = try NATSControlLine(bytes, lineFeed: lineFeed)
            guard case .message(_, _, _, _, let count) = line.kind else { return .complete(lineFeed + 1) }
            guard count <= maxMessageBytes else { return .invalid("a message of \(count) bytes is too large") }
            return .complete(lineFeed + 1 + count + 2)
        } catch {
            return .invalid(error.description)
        }
    }

    /// Whether these are the first bytes of a word: somebody who speaks something else is not listened to for long.
    private static func mayBegin(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let word = bytes.prefix(maxWordBytes).map { $0 & 0xDF }
        return ["INFO", "MSG", "HMSG", "PING", "PONG", "+OK", "-ERR"].contains { known in
            zip(known.utf8, word).allSatisfy { $0 & 0xDF == $1 }
        }
    }

    /// An operation as `find` has found it.
    package func decode(_ bytes: UnsafeRawBufferPointer) throws(NATSSyntaxError) -> NATSOperation {
        guard let lineFeed = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
            throw NATSSyntaxError("a line has no end")
        }
        let line = try NATSControlLine(bytes, lineFeed: lineFeed)
        let text = { (range: Range<Int>) in String(decoding: bytes[range], as: UTF8.self) }
        switch line.kind {
        case .info(let range): return .info(Array(bytes[range]))
        case .ping: return .ping
        case .pong: return .pong
        case .ok: return .ok
        case .error(let range): return .error(Self.unquoted(text(range)))
        case .message(let subject, let subscription, let replyTo, let headerCount, let count):
            let start = lineFeed + 1
            let end = start + count
            guard bytes.count == end + 2, bytes[end] == 0x0D, bytes[end + 1] == 0x0A else {
                throw NATSSyntaxError("a message is longer than it says")
            }
            let block = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + headerCount)])
            let headers = headerCount > 0 ? try? NATSHeaders(block) : NATSHeaders()
            return .message(
                NATSDelivery(
                    subject: text(subject), subscription: subscription, replyTo: replyTo.map(text),
                    headers: headers ?? NATSHeaders(), hasMalformedHeaders: headers == nil,
                    payload: Array(bytes[(start + headerCount)..<end])))
        }
    }

    private static func unquoted(_ text: String) -> String {
        guard text.count >= 2, text.first == "'", text.last == "'" else { return text }
        return String(text.dropFirst().dropLast())
    }
}

/// The line that an operation begins with.
struct NATSControlLine {
    enum Kind {
        case info(Range<Int>)
        case message(
            subject: Range<Int>, subscription: Int, replyTo: Range<Int>?, headerCount: Int, count: Int)
        case ping
        case pong
        case ok
        case error(Range<Int>)
    }

    let kind: Kind

    /// The line at the front of `bytes`, whose LF was found.
    init(_ bytes: UnsafeRawBufferPointer, lineFeed: Int) throws(NATSSyntaxError) {
        guard lineFeed > 0, bytes[lineFeed - 1] == 0x0D else { throw NATSSyntaxError("a line ends without CR") }
        let end = lineFeed - 1
        let word = Self.word(bytes, from: 0, to: end)
        let rest = Self.trimmed(bytes, word.upperBound, end)
        switch Self.name(bytes, word) {
        case "MSG": kind = try Self.message(bytes, rest, hasHeaders: false)
        case "HMSG": kind = try Self.message(bytes, rest, hasHeaders: true)
        case "PING": kind = .ping
        case "PONG": kind = .pong
        case "+OK": kind = .ok
        case "-ERR": kind = .error(rest)
        case "INFO": kind = .info(rest)
        default: throw NATSSyntaxError("this is not what a NATS server says")
        }
    }

    /// `MSG subject sid [reply-to] #bytes`, `HMSG subject sid [reply-to] #header-bytes #bytes`.
    private static func message(
        _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, hasHeaders: Bool
    ) throws(NATSSyntaxError) -> Kind {
        var words: [Range<Int>] = []
        var position = range.lowerBound
        while position < range.upperBound, words.count < 6 {
            let found = word(bytes, from: position, to: range.upperBound)
            words.append(found)
            position = trimmed(bytes, found.upperBound, range.upperBound).lowerBound
        }
        let lengths = hasHeaders ? 2 : 1
        guard words.count == 2 + lengths || words.count == 3 + lengths,
            let subscription = number(bytes, words[1]), let count = number(bytes, words[words.count - 1])
        else { throw NATSSyntaxError("the line of a message is none") }
        let headerCount = hasHeaders ? number(bytes, words[words.count - 2]) : 0
        guard let headerCount, headerCount <= count else {
            throw NATSSyntaxError("the headers of a message are longer than it is")
        }
        return .message(
            subject: words[0], subscription: subscription, replyTo: words.count == 3 + lengths ? words[2] : nil,
            headerCount: headerCount, count: count)
    }

    /// Digits alone; nil for anything else, and for more than nobody has.
    private static func number(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int? {
        guard 1...15 ~= range.count else { return nil }
        var value = 0
        for index in range {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value * 10 + Int(digit)
        }
        return value
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    private static func word(_ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Range<Int> {
        var index = start
        while index < end, !isBlank(bytes[index]) { index += 1 }
        return start..<index
    }

    private static func trimmed(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Range<Int> {
        var start = start
        var end = end
        while start < end, isBlank(bytes[start]) { start += 1 }
        while end > start, isBlank(bytes[end - 1]) { end -= 1 }
        return start..<end
    }

    /// Words are the same in capital and in small letters.
    private static func name(_ bytes: UnsafeRawBufferPointer, _ word: Range<Int>) -> String {
        String(decoding: bytes[word].prefix(8).map { 0x61...0x7A ~= $0 ? $0 - 0x20 : $0 }, as: UTF8.self)
    }
}
