/// Finds the end of the first frame in bytes that arrive in any pieces. It remembers how far it came, so that each byte
/// is looked at once. Escapes and text are left to `STOMPDecoder`.
package struct STOMPFraming: Sendable {
    package enum Result: Equatable, Sendable {
        case needMore
        /// Ends of lines between frames: a heart-beat each.
        case heartBeats(Int)
        /// The first frame has this many bytes, which need not be there yet.
        case complete(Int)
        case invalid(String)
    }

    /// Bytes of a command; the longest has 11.
    static let maxCommandBytes = 32

    private let limits: STOMPLimits
    /// Where the line, or the body, that is not complete begins.
    private var position = 0
    /// Where the end of that is looked for.
    private var scanned = 0
    private var lines = 0
    private var contentLength: Int?
    private var isInBody = false
    /// How many bytes there were when more were needed.
    private var searched = 0

    package init(limits: STOMPLimits = STOMPLimits()) { self.limits = limits }

    /// `searched`: of a frame whose first so many bytes were not enough; 0 for another frame than the one before.
    package mutating func find(in bytes: UnsafeRawBufferPointer, searched: Int) -> Result {
        if searched == 0 || searched != self.searched { self = STOMPFraming(limits: limits) }
        if position == 0, scanned == 0 {
            let beats = bytes.prefix { $0 == STOMPByte.lineFeed || $0 == STOMPByte.carriageReturn }.count
            if beats > 0 { return .heartBeats(beats) }
        }
        let result = step(bytes)
        self.searched = result == .needMore ? bytes.count : 0
        return result
    }

    private mutating func step(_ bytes: UnsafeRawBufferPointer) -> Result {
        while !isInBody {
            // The frame's own limit is that of its head as long as the body has not begun.
            let end = min(bytes.count, limits.headBytes)
            var index = scanned
            while index < end, bytes[index] != STOMPByte.lineFeed {
                if let reason = misplaced(bytes[index], at: index) { return .invalid(reason) }
                index += 1
            }
            scanned = index
            if index == end {
                return end == limits.headBytes ? .invalid("the headers of a frame are too long") : .needMore
            }
            if let reason = takeLine(UnsafeRawBufferPointer(rebasing: bytes[position..<index])) {
                return .invalid(reason)
            }
            position = index + 1
            scanned = position
        }
        return findEnd(bytes)
    }

    /// What cannot stand there is refused at once, so that somebody who does not speak STOMP is not listened to.
    private func misplaced(_ byte: UInt8, at index: Int) -> String? {
        if byte == 0 { return "a frame ends within its headers" }
        guard lines == 0 else { return nil }
        let isLetter = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
        // Before the end of the line.
        guard isLetter || byte == STOMPByte.carriageReturn && index > 0 else { return "a frame has no command" }
        return index < Self.maxCommandBytes ? nil : "a command is too long"
    }

    /// Returns why the line is wrong.
    private mutating func takeLine(_ line: UnsafeRawBufferPointer) -> String? {
        let isEmpty = line.isEmpty || line.count == 1 && line[0] == STOMPByte.carriageReturn
        if lines == 0, line.dropLast().contains(STOMPByte.carriageReturn) { return "a frame has no command" }
        lines += 1
        if isEmpty {
            isInBody = true
            return nil
        }
        guard lines > 1 else { return nil }
        guard lines - 1 <= limits.headers else { return "a frame has more than \(limits.headers) headers" }
        guard let colon = line.firstIndex(of: STOMPByte.colon) else { return "a header has no colon" }
        guard colon > 0 else { return "a header has no name" }
        // The first one counts.
        guard contentLength == nil, line[..<colon].elementsEqual("content-length".utf8) else { return nil }
        var digits = line[(colon + 1)...]
        if digits.last == STOMPByte.carriageReturn { digits = digits.dropLast() }
        guard let length = Self.number(digits) else { return "the length of a body is no number" }
        contentLength = length
        return nil
    }

    /// Ten digits at most, so that sums stay numbers.
    private static func number(_ digits: Slice<UnsafeRawBufferPointer>) -> Int? {
        guard (1...10).contains(digits.count) else { return nil }
        var number = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            number = number * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return number
    }

    private mutating func findEnd(_ bytes: UnsafeRawBufferPointer) -> Result {
        if let contentLength {
            let end = position + contentLength
            guard end < limits.frameBytes else { return .invalid("a frame has more than \(limits.frameBytes) bytes") }
            guard end < bytes.count else { return .complete(end + 1) }
            return bytes[end] == 0 ? .complete(end + 1) : .invalid("a body is not as long as its frame says")
        }
        let rest = bytes[scanned...]
        if let end = rest.firstIndex(of: 0) {
            return end < limits.frameBytes
                ? .complete(end + 1) : .invalid("a frame has more than \(limits.frameBytes) bytes")
        }
        scanned = bytes.count
        return bytes.count < limits.frameBytes
            ? .needMore : .invalid("a frame has more than \(limits.frameBytes) bytes")
    }
}

/// The bytes that mean something in a frame.
enum STOMPByte {
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let colon = UInt8(ascii: ":")
    static let backslash = UInt8(ascii: "\\")
}
