import ApusProtocols

/// The kinds of fields that the rest of a head depends on.
nonisolated struct FieldKinds: OptionSet {
    let rawValue: UInt8

    static let contentType = FieldKinds(rawValue: 1)
    static let connection = FieldKinds(rawValue: 2)
    /// Those that frame the message: Apus writes them alone.
    static let framing = FieldKinds(rawValue: 4)
    /// Those that are not sent as they are.
    static let replaced: FieldKinds = [.connection, .framing]

    init(rawValue: UInt8) { self.rawValue = rawValue }

    /// What a field of that name is.
    init(of name: UnsafeBufferPointer<UInt8>) {
        let start = name.baseAddress!
        switch name.count {
        case 4 where matchesIgnoringCase(start, count: 4, "date"): self = .framing
        case 10 where matchesIgnoringCase(start, count: 10, "connection"): self = .connection
        case 12 where matchesIgnoringCase(start, count: 12, "content-type"): self = .contentType
        case 14 where matchesIgnoringCase(start, count: 14, "content-length"): self = .framing
        case 17 where matchesIgnoringCase(start, count: 17, "transfer-encoding"): self = .framing
        default: self = []
        }
    }
}
