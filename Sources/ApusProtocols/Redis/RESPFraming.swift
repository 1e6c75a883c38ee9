/// Finds the end of the first Redis reply (RESP2 and RESP3) in bytes that arrive in any pieces.
///
/// It remembers how far it came: a reply of a million parts is looked at once, whatever its pieces. What is inside of
/// values is left to `RESPDecoder`.
package struct RESPFraming: Sendable {
    package enum Result: Equatable, Sendable {
        case needMore
        /// The first reply has this many bytes, which need not be there yet.
        case complete(Int)
        case invalid(String)
    }

    /// Replies nest no deeper.
    package static let maxDepth = 32
    /// Bytes of a line: of a status, an error or a number.
    package static let maxLineBytes = 64 * 1024

    /// Where the next value, or the one that is not complete, begins.
    private var position = 0
    /// How many values are missing at each level that is open, from the outermost.
    private var missing: [Int] = [1]
    /// How many bytes there were when more were needed.
    private var searched = 0

    package init() {}

    /// `searched`: of a reply whose first so many bytes were not enough; 0 for another reply than the one before.
    package mutating func find(in bytes: UnsafeRawBufferPointer, searched: Int) -> Result {
        if searched == 0 || searched != self.searched {
            position = 0
            missing = [1]
        }
        while true {
            switch step(bytes) {
            case .value(let end):
                position = end
                missing[missing.count - 1] -= 1
            case .group(let end, let count, let isAttribute):
                guard missing.count <= Self.maxDepth else {
                    return .invalid("values nest deeper than \(Self.maxDepth) levels")
                }
                position = end
                // Attributes stand before the value that they belong to, and are none themselves.
                if isAttribute { missing[missing.count - 1] += 1 }
                missing.append(count)
            case .later(let end):
                self.searched = bytes.count
                return missing.count == 1 && missing[0] == 1 ? end.map { .complete($0) } ?? .needMore : .needMore
            case .invalid(let reason): return .invalid(reason)
            }
            while missing.last == 0 {
                missing.removeLast()
                if missing.isEmpty {
                    self.searched = 0
                    return .complete(position)
                }
                missing[missing.count - 1] -= 1
            }
        }
    }

    private enum Step {
        /// A value that ends here.
        case value(Int)
        /// So many values follow that belong together.
        case group(Int, count: Int, isAttribute: Bool)
        /// Not all of the value is there; it will end here, if that is known.
        case later(Int?)
        case invalid(String)
    }

    private func step(_ bytes: UnsafeRawBufferPointer) -> Step {
        guard position < bytes.count else { return .later(nil) }
        let type = bytes[position]
        guard RESPType(rawValue: type) != nil else { return .invalid("\(type) is no type of value") }
        let line: Range<Int>
        switch RESPLine.find(in: bytes, from: position + 1) {
        case .needMore: return .later(nil)
        case .invalid(let reason): return .invalid(reason)
        case .line(let range): line = range
        }
        let next = line.upperBound + 2
        switch RESPType(rawValue: type)! {
        case .status, .error, .integer, .double, .boolean, .bigNumber, .null: return .value(next)
        case .bytes, .blobError, .verbatim: return blob(bytes, type, line)
        case .array, .set, .push, .map, .attribute: return group(bytes, type, line)
        }
    }

    private func blob(_ bytes: UnsafeRawBufferPointer, _ type: UInt8, _ line: Range<Int>) -> Step {
        guard let count = RESPLine.count(bytes, line) else { return .invalid("a string has no length") }
        let next = line.upperBound + 2
        if count < 0 { return type == RESPType.bytes.rawValue ? .value(next) : .invalid("a string has no length") }
        let end = next + count + 2
        guard end <= bytes.count else { return .later(end) }
        guard bytes[end - 2] == 0x0D, bytes[end - 1] == 0x0A else { return .invalid("a string is not ended") }
        return .value(end)
    }

    private func group(_ bytes: UnsafeRawBufferPointer, _ type: UInt8, _ line: Range<Int>) -> Step {
        guard let count = RESPLine.count(bytes, line) else { return .invalid("a list has no length") }
        let next = line.upperBound + 2
        if count < 0 { return type == RESPType.array.rawValue ? .value(next) : .invalid("a list has no length") }
        let isAttribute = type == RESPType.attribute.rawValue
        let isPaired = isAttribute || type == RESPType.map.rawValue
        if type == RESPType.push.rawValue, missing.count > 1 { return .invalid("news inside of a reply") }
        return .group(next, count: isPaired ? count * 2 : count, isAttribute: isAttribute)
    }
}

/// The first byte of each kind of value.
enum RESPType: UInt8 {
    case status = 0x2B
    case error = 0x2D
    case integer = 0x3A
    case bytes = 0x24
    case array = 0x2A
    case null = 0x5F
    case double = 0x2C
    case boolean = 0x23
    case bigNumber = 0x28
    case blobError = 0x21
    case verbatim = 0x3D
    case map = 0x25
    case set = 0x7E
    case push = 0x3E
    case attribute = 0x7C
}

/// The lines of which replies consist.
enum RESPLine {
    enum Search {
        case needMore
        /// Without its end of line.
        case line(Range<Int>)
        case invalid(String)
    }

    static func find(in bytes: UnsafeRawBufferPointer, from start: Int) -> Search {
        var index = start
        let end = min(bytes.count, start + RESPFraming.maxLineBytes)
        while index < end {
            let byte = bytes[index]
            if byte == 0x0D {
                guard index + 1 < bytes.count else { return .needMore }
                return bytes[index + 1] == 0x0A ? .line(start..<index) : .invalid("a line has no end")
            }
            if byte == 0x0A { return .invalid("a line has no end") }
            index += 1
        }
        guard index - start < RESPFraming.maxLineBytes else { return .invalid("a line is too long") }
        return .needMore
    }

    /// A length: decimal digits, or −1 for nothing. Ten digits at most, so that sums of them stay numbers.
    static func count(_ bytes: UnsafeRawBufferPointer, _ line: Range<Int>) -> Int? {
        guard (1...10).contains(line.count) else { return nil }
        if line.count == 2, bytes[line.lowerBound] == 0x2D, bytes[line.lowerBound + 1] == 0x31 { return -1 }
        var count = 0
        for byte in bytes[line] {
            guard (0x30...0x39).contains(byte) else { return nil }
            count = count * 10 + Int(byte - 0x30)
        }
        return count
    }
}
