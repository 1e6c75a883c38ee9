/// Takes all complete replies from the front of what has arrived, in one pass.
///
/// Those of one part, which most are, are made on the way; the others are left to `RESPFraming` and `RESPDecoder`.
package struct RESPReplies {
    private var framing = RESPFraming()
    private var replies: [RedisValue] = []
    /// As many as the last time are made room for.
    private var lastCount = 0
    private let maxBytes: Int

    /// So many bytes of replies are taken together at most: a longer one is left to be refused.
    package init(maxBytes: Int) { self.maxBytes = maxBytes }

    /// The replies that `find` has found.
    package mutating func take() -> [RedisValue] {
        lastCount = replies.count
        let taken = replies
        replies = []
        return taken
    }

    /// How long the replies at the front are together, as far as they are complete; if there is none, what is known of
    /// the first. `searched` is that of `RESPFraming.find`.
    package mutating func find(in bytes: UnsafeRawBufferPointer, searched: Int) -> RESPFraming.Result {
        replies.removeAll(keepingCapacity: true)
        if searched == 0 { replies.reserveCapacity(lastCount) }
        var offset = 0
        while offset < bytes.count {
            if let end = searched == 0 ? simple(bytes, offset) : nil {
                guard end <= maxBytes || offset == 0 else { break }
                offset = end
                continue
            }
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            let found = framing.find(in: rest, searched: offset == 0 ? searched : 0)
            guard case .complete(let length) = found, length <= rest.count, offset + length <= maxBytes else {
                // What is wrong is said when it stands at the front.
                return offset == 0 ? found : .complete(offset)
            }
            do throws(RESPError) {
                replies.append(try RESPDecoder.decode(UnsafeRawBufferPointer(rebasing: rest[..<length])))
            } catch {
                return offset == 0 ? .invalid(error.description) : .complete(offset)
            }
            offset += length
            if searched > 0 { break }
        }
        return offset == 0 ? .needMore : .complete(offset)
    }

    /// Appends the reply that begins at `offset`, and returns where it ends; nil when it is incomplete or not of the
    /// kinds that are frequent.
    @inline(__always)
    private mutating func simple(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Int? {
        switch bytes[offset] {
        case RESPType.bytes.rawValue:
            guard let (count, next) = number(bytes, offset + 1) else { return nil }
            let end = next + count
            guard end + 2 <= bytes.count, bytes[end] == 0x0D, bytes[end + 1] == 0x0A, end + 2 <= maxBytes else {
                return nil
            }
            replies.append(.bytes([UInt8](bytes[next..<end])))
            return end + 2
        case RESPType.integer.rawValue:
            guard let (number, next) = number(bytes, offset + 1) else { return nil }
            replies.append(.integer(number))
            return next
        case RESPType.status.rawValue:
            guard offset + 5 <= bytes.count, bytes[offset + 1] == UInt8(ascii: "O"),
                bytes[offset + 2] == UInt8(ascii: "K"), bytes[offset + 3] == 0x0D, bytes[offset + 4] == 0x0A
            else { return nil }
            replies.append(.status("OK"))
            return offset + 5
        default: return nil
        }
    }

    /// Ten digits at most, and where the line after them begins.
    @inline(__always)
    private func number(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> (Int, next: Int)? {
        var index = start
        var number = 0
        let end = min(bytes.count, start + 11)
        while index < end {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { break }
            number = number &* 10 &+ Int(digit)
            index &+= 1
        }
        guard index > start, index < end, index + 1 < bytes.count, bytes[index] == 0x0D, bytes[index + 1] == 0x0A else {
            return nil
        }
        return (number, index + 2)
    }
}
