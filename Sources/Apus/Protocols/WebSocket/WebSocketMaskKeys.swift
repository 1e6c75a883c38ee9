import CApus

/// Random keys for masking, taken from the kernel many at a time (RFC 6455 §5.3: they must not be predictable).
final class WebSocketMaskKeys {
    static let shared = WebSocketMaskKeys()
    private var keys: [UInt32] = []

    func next() -> UInt32 {
        if keys.isEmpty {
            keys = [UInt32](unsafeUninitializedCapacity: 256) { buffer, count in
                count = buffer.count
                let bytes = UnsafeMutableRawBufferPointer(buffer)
                let isFilled = bytes.withMemoryRebound(to: UInt8.self) { capus_random($0.baseAddress!, $0.count) }
                precondition(isFilled, "the system has no random bytes")
            }
        }
        return keys.removeLast()
    }

    /// So many random bytes.
    static func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            precondition(capus_random(buffer.baseAddress!, count), "the system has no random bytes")
            filled = count
        }
    }
}
