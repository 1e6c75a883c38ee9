import Apus

/// Names for requests.
enum RequestIDs {
    /// No two processes have the same.
    private static let process = UInt64.random(in: 0 ... .max)
    private static var last = UInt64.random(in: 0 ... .max)

    /// One that no other request has: 32 hexadecimal digits. It is made without a system call, and can be guessed.
    static func next() -> String {
        last &+= 1
        return String(unsafeUninitializedCapacity: 32) { text in
            for index in 0..<16 {
                text[index] = digit(process, index)
                text[16 + index] = digit(last, index)
            }
            return 32
        }
    }

    private static func digit(_ number: UInt64, _ index: Int) -> UInt8 {
        let value = UInt8(truncatingIfNeeded: number >> UInt64(60 - 4 * index)) & 15
        return value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    /// Whether a name that a client brings can go into logs and fields as it is.
    static func isSane(_ name: String) -> Bool { name.utf8.count <= 128 && HTTPHeaders.isToken(name) }
}
