/// Commands as Redis reads them, one behind the other, until they are sent: lists of strings, the same in both versions
/// of the protocol.
package final class RESPCommandBuffer {
    /// Memory above which it is given back when it is empty.
    private static let mostKept = 64 * 1024

    private var start: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    /// How much was taken from the front.
    private var taken = 0
    private var end = 0

    package init(capacity: Int = 1024) {
        self.capacity = capacity
        start = .allocate(capacity: capacity)
    }

    deinit { start.deallocate() }

    /// Bytes that were not taken.
    package var count: Int { end - taken }

    /// Calls `body` with the bytes that were not taken, or with so many of them.
    package func withBytes<Result>(_ count: Int? = nil, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        body(UnsafeRawBufferPointer(start: start + taken, count: count ?? self.count))
    }

    /// Lets go of bytes at the front.
    package func drop(_ count: Int) {
        taken += count
        guard taken == end else { return }
        taken = 0
        end = 0
        if capacity > Self.mostKept {
            start.deallocate()
            capacity = 1024
            start = .allocate(capacity: capacity)
        }
    }

    /// Lets go of all.
    package func removeAll() { drop(count) }

    @inline(__always)
    private func reserve(_ count: Int) {
        if capacity - end < count { grow(count) }
    }

    private func grow(_ count: Int) {
        let held = end - taken
        var wanted = capacity
        while wanted - held < count { wanted *= 2 }
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: wanted)
        larger.initialize(from: start + taken, count: held)
        start.deallocate()
        start = larger
        capacity = wanted
        taken = 0
        end = held
    }

    @inline(__always)
    private func put(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
        (start + end).initialize(from: bytes, count: count)
        end &+= count
    }

    /// The decimal digits of a number that is not negative, and an end of line.
    @inline(__always)
    private func putLine(_ number: Int) {
        if number < 10 {
            start[end] = 0x30 &+ UInt8(truncatingIfNeeded: number)
            end &+= 1
        } else {
            var divisor = 10
            while number / divisor >= 10 { divisor *= 10 }
            while divisor > 0 {
                start[end] = 0x30 &+ UInt8(truncatingIfNeeded: number / divisor % 10)
                end &+= 1
                divisor /= 10
            }
        }
        start[end] = 0x0D
        start[end &+ 1] = 0x0A
        end &+= 2
    }

    /// Begins a command of so many words.
    package func begin(_ words: Int) {
        reserve(24)
        start[end] = UInt8(ascii: "*")
        end &+= 1
        putLine(words)
    }

    /// The next word.
    package func append(_ word: UnsafeRawBufferPointer) {
        reserve(word.count + 26)
        start[end] = UInt8(ascii: "$")
        end &+= 1
        putLine(word.count)
        if let base = word.baseAddress { put(base.assumingMemoryBound(to: UInt8.self), word.count) }
        start[end] = 0x0D
        start[end &+ 1] = 0x0A
        end &+= 2
    }

    /// The next word, in UTF-8.
    package func append(_ word: String) {
        var word = word
        word.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// What another one holds.
    package func append(_ other: RESPCommandBuffer) {
        reserve(other.count)
        put(other.start + other.taken, other.count)
    }

    /// Commands as they are sent, such as `*1⏎$4⏎EXEC⏎`.
    package func append(encoded commands: StaticString) {
        reserve(commands.utf8CodeUnitCount)
        put(commands.utf8Start, commands.utf8CodeUnitCount)
    }

    /// The beginning of a command as it is sent, such as `*2⏎$3⏎GET⏎`, and its next word.
    package func append(head: StaticString, _ word: String) {
        append(encoded: head)
        append(word)
    }
}
