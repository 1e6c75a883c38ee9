import CApus

/// The `Date` of responses, rendered once a second.
struct HTTPDate {
    /// 29 bytes (RFC 9110 §5.6.7).
    let bytes: UnsafeMutablePointer<UInt8>
    /// Changes with the date.
    private(set) var version: UInt32 = 0
    nonisolated static let count = 29

    init() {
        bytes = .allocate(capacity: Self.count + 1)
        refresh()
    }

    mutating func refresh() {
        bytes.withMemoryRebound(to: CChar.self, capacity: Self.count + 1) { capus_http_date($0) }
        version &+= 1
    }
}
