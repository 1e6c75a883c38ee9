/// Writes bytes one after the other into memory that is known to be large enough.
///
/// Not isolated: a closure that main-actor code hands to the standard library is checked for its executor at each call.
nonisolated struct ByteWriter {
    let start: UnsafeMutablePointer<UInt8>
    private(set) var count = 0

    init(_ start: UnsafeMutablePointer<UInt8>, count: Int = 0) {
        self.start = start
        self.count = count
    }

    @inline(__always)
    mutating func append(_ text: StaticString) {
        (start + count).initialize(from: text.utf8Start, count: text.utf8CodeUnitCount)
        count &+= text.utf8CodeUnitCount
    }

    @inline(__always)
    mutating func append(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) {
        (start + count).initialize(from: bytes, count: byteCount)
        count &+= byteCount
    }

    mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { if let base = $0.baseAddress { append(base, $0.count) } }
    }

    /// Appends UTF-8.
    @inline(__always)
    mutating func append(text: String) {
        let target = start + count
        let copied = text.utf8.withContiguousStorageIfAvailable { bytes in
            if let base = bytes.baseAddress { target.initialize(from: base, count: bytes.count) }
            return bytes.count
        }
        if let copied {
            count &+= copied
        } else {
            for byte in text.utf8 {
                start[count] = byte
                count &+= 1
            }
        }
    }

    /// Appends a number that is not negative.
    @inline(__always)
    mutating func append(number: Int) {
        if number < 100 {
            if number >= 10 {
                start[count] = UInt8(truncatingIfNeeded: number / 10) &+ 0x30
                count &+= 1
            }
            start[count] = UInt8(truncatingIfNeeded: number % 10) &+ 0x30
            count &+= 1
            return
        }
        var digits = 0
        var rest = number
        while rest > 0 {
            rest /= 10
            digits &+= 1
        }
        rest = number
        var position = count &+ digits
        while rest > 0 {
            position &-= 1
            start[position] = UInt8(truncatingIfNeeded: rest % 10) &+ 0x30
            rest /= 10
        }
        count &+= digits
    }
}
