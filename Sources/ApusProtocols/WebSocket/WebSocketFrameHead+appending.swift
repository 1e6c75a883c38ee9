import CApus

extension WebSocketFrameHead {
    /// Appends the head, and `payload`, which has `length` bytes: masked when the head has a masking key, as the
    /// frames of clients must be (RFC 6455 §5.1, §5.3).
    package func append(_ payload: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
        precondition(payload.count == length, "a head says how long the payload is")
        append(to: &bytes)
        guard let mask, length > 0 else { return bytes.append(contentsOf: payload) }
        let start = bytes.count
        bytes.append(contentsOf: payload)
        bytes.withUnsafeMutableBufferPointer { all in
            guard let all = all.baseAddress else { return }
            capus_unmask(all + start, length, mask, 0)
        }
    }

    /// Appends the head alone.
    package func append(to bytes: inout [UInt8]) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.maxByteCount) { head in
            guard let start = head.baseAddress else { return }
            let count = render(into: start)
            bytes.append(contentsOf: UnsafeBufferPointer(start: start, count: count))
        }
    }
}
