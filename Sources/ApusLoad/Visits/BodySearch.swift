/// Looks for bytes in a body that comes in pieces, without keeping any of it (Knuth, Morris and Pratt).
nonisolated struct BodySearch {
    private let wanted: [UInt8]
    /// For each count of bytes that match, how many still do when the next one does not.
    private let fallbacks: [Int]
    /// How many bytes of what is wanted end where the body has been read to.
    private var matched = 0

    /// All that is wanted has been in the body.
    var isFound: Bool { matched == wanted.count }

    init(_ wanted: [UInt8]) {
        self.wanted = wanted
        var fallbacks = [Int](repeating: 0, count: wanted.count + 1)
        var length = 0
        for index in wanted.indices.dropFirst() {
            while length > 0, wanted[index] != wanted[length] { length = fallbacks[length] }
            if wanted[index] == wanted[length] { length += 1 }
            fallbacks[index + 1] = length
        }
        self.fallbacks = fallbacks
    }

    /// Begins with another body.
    mutating func restart() { matched = 0 }

    mutating func read(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
        var index = 0
        while index < count, !isFound {
            while matched > 0, bytes[index] != wanted[matched] { matched = fallbacks[matched] }
            if bytes[index] == wanted[matched] { matched += 1 }
            index += 1
        }
    }
}
