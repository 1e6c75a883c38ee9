/// The hash of FIPS 180-4 §6.1. RFC 6455 asks for it, where it need not be secure; it is here so that this module
/// needs no library.
package struct SHA1 {
    private static let blockBytes = 64

    private var a: UInt32 = 0x6745_2301
    private var b: UInt32 = 0xEFCD_AB89
    private var c: UInt32 = 0x98BA_DCFE
    private var d: UInt32 = 0x1032_5476
    private var e: UInt32 = 0xC3D2_E1F0

    private init() {}

    /// The 20 bytes of the hash.
    package static func digest(of message: UnsafeRawBufferPointer) -> [UInt8] {
        var hash = SHA1()
        var start = 0
        while message.count - start >= blockBytes {
            hash.add(message, at: start)
            start += blockBytes
        }
        // FIPS 180-4 §5.1.1: a one bit, zeros up to the length, and the length in bits.
        var end = [UInt8](message[start...])
        end.append(0x80)
        while end.count % blockBytes != blockBytes - 8 { end.append(0) }
        let bits = UInt64(message.count) * 8
        for shift in stride(from: 56, through: 0, by: -8) { end.append(UInt8(truncatingIfNeeded: bits >> shift)) }
        end.withUnsafeBytes {
            for block in stride(from: 0, to: $0.count, by: blockBytes) { hash.add($0, at: block) }
        }
        return [hash.a, hash.b, hash.c, hash.d, hash.e].flatMap { word in
            stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
        }
    }

    /// FIPS 180-4 §6.1.3: the schedule is kept as the last sixteen words.
    private mutating func add(_ message: UnsafeRawBufferPointer, at start: Int) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 16) { words in
            for i in 0..<16 {
                words[i] = UInt32(bigEndian: message.loadUnaligned(fromByteOffset: start &+ i &* 4, as: UInt32.self))
            }
            var (v, w, x, y, z) = (a, b, c, d, e)
            for t in 0..<80 {
                let i = t & 15
                if t >= 16 {
                    let mixed = words[(t &+ 13) & 15] ^ words[(t &+ 8) & 15] ^ words[(t &+ 2) & 15] ^ words[i]
                    words[i] = Self.rotate(mixed, 1)
                }
                let (function, constant) = Self.round(t, w, x, y)
                let next = Self.rotate(v, 5) &+ function &+ z &+ constant &+ words[i]
                (z, y, x, w, v) = (y, x, Self.rotate(w, 30), v, next)
            }
            a &+= v
            b &+= w
            c &+= x
            d &+= y
            e &+= z
        }
    }

    /// FIPS 180-4 §4.1.1 and §4.2.1.
    @inline(__always)
    private static func round(_ t: Int, _ x: UInt32, _ y: UInt32, _ z: UInt32) -> (UInt32, UInt32) {
        switch t {
        case 0..<20: ((x & y) ^ (~x & z), 0x5A82_7999)
        case 20..<40: (x ^ y ^ z, 0x6ED9_EBA1)
        case 40..<60: ((x & y) ^ (x & z) ^ (y & z), 0x8F1B_BCDC)
        default: (x ^ y ^ z, 0xCA62_C1D6)
        }
    }

    @inline(__always)
    private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 &- count) }
}
