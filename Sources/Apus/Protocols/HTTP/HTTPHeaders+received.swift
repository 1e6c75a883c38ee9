import CApus

extension HTTPHeaders {
    /// The fields of a head that was read and is well-formed, behind its first line. A folded line is joined by a blank
    /// to the one before it (RFC 9112 §5.2).
    package nonisolated init(received head: UnsafeBufferPointer<UInt8>) {
        self.init()
        guard let start = head.baseAddress else { return }
        let end = start + head.count
        var p = Self.nextLine(start, end)
        while p < end, p[0] != 0x0D, p[0] != 0x0A {
            let name = p
            guard let colon = capus_find(p, end, UInt8(ascii: ":")) else { return }
            p = Self.nextLine(colon, end)
            var value = Self.trimmed(colon + 1, p)
            if p < end, Self.isBlank(p[0]) {
                var joined = Array(value)
                while p < end, Self.isBlank(p[0]) {
                    let line = p
                    p = Self.nextLine(line, end)
                    joined += [0x20] + Self.trimmed(line, p)
                }
                _ = joined.withUnsafeBufferPointer { add(UnsafeBufferPointer(start: name, count: colon - name), $0) }
                continue
            }
            if value.baseAddress == nil { value = UnsafeBufferPointer(start: colon, count: 0) }
            add(UnsafeBufferPointer(start: name, count: colon - name), value)
        }
    }

    private nonisolated static func nextLine(
        _ p: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
    ) -> UnsafePointer<UInt8> {
        capus_find(p, end, UInt8(ascii: "\n")).map { $0 + 1 } ?? end
    }

    private nonisolated static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// Without blanks around it and the end of its line.
    private nonisolated static func trimmed(
        _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
    ) -> UnsafeBufferPointer<UInt8> {
        var (start, end) = (start, end)
        while start < end, isBlank(start[0]) { start += 1 }
        while end > start, isBlank(end[-1]) || end[-1] == 0x0D || end[-1] == 0x0A { end -= 1 }
        return UnsafeBufferPointer(start: start, count: end - start)
    }
}
