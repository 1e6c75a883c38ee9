/// Where things are in the memory of a `SharedTable`.
///
/// A header: the seed of its hashes, the lock for what adds and removes rows, and their number. Then the slots, each
/// with a lock, a version, and two copies of a row: the version's lowest bit tells which one counts, and a change is
/// made to the other, so that who is killed in the midst of one leaves the row as it was, and readers need no lock.
/// A copy is its state with the length of its key, the key, and the columns. All are made of words.
nonisolated struct TableShape: Sendable {
    /// What a copy holds.
    enum State: UInt64 {
        /// Nothing, and nothing stands behind it that was looked for here first.
        case free
        case used
        /// Nothing, but something may stand behind it that was looked for here first.
        case removed
    }

    static let headerSize = 64
    static let seedOffset = 0
    static let lockOffset = 8
    static let countOffset = 16

    static let versionOffset = 8
    private static let slotHeaderSize = 16
    static let keyOffset = 8

    /// A power of two, so that at least half of the slots are free.
    let slotCount: Int
    let keyCapacity: Int
    let keyWords: Int
    let copySize: Int
    let slotSize: Int
    /// Columns and where in a copy they stand.
    let columns: [String: (column: SharedColumn, offset: Int)]

    init(rows: Int, keyCapacity: Int, columns list: [SharedColumn]) {
        var slotCount = 2
        while slotCount < rows * 2 { slotCount *= 2 }
        self.slotCount = slotCount
        self.keyCapacity = keyCapacity
        keyWords = (keyCapacity + 7) / 8
        var offset = Self.keyOffset + keyWords * 8
        var columns: [String: (column: SharedColumn, offset: Int)] = [:]
        for column in list {
            let isNew = columns.updateValue((column, offset), forKey: column.name) == nil
            precondition(isNew, "two columns of a table are called \(column.name)")
            offset += column.size
        }
        self.columns = columns
        copySize = offset
        slotSize = Self.slotHeaderSize + 2 * offset
    }

    var size: Int { Self.headerSize + slotCount * slotSize }

    func slot(_ index: Int, _ base: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        base + Self.headerSize + index * slotSize
    }

    func copy(_ slot: UnsafeMutableRawPointer, _ version: UInt64) -> UnsafeMutableRawPointer {
        slot + Self.slotHeaderSize + Int(version & 1) * copySize
    }

    // MARK: A copy. What a reader sees of one may be half written: it is looked at again then.

    func state(_ copy: UnsafeRawPointer) -> State? { State(rawValue: copy.load(as: UInt64.self) & 0xFF) }

    func setState(_ copy: UnsafeMutableRawPointer, _ state: State, keyLength: Int) {
        copy.storeBytes(of: UInt64(keyLength) << 8 | state.rawValue, as: UInt64.self)
    }

    func keyLength(_ copy: UnsafeRawPointer) -> Int {
        min(keyCapacity, Int(truncatingIfNeeded: copy.load(as: UInt64.self) >> 8 & 0xFFFF_FFFF))
    }

    func holds(_ copy: UnsafeRawPointer, _ key: TableKey) -> Bool {
        guard copy.load(as: UInt64.self) == UInt64(key.length) << 8 | State.used.rawValue else { return false }
        let words = (copy + Self.keyOffset).assumingMemoryBound(to: UInt64.self)
        for (index, word) in key.words.enumerated() where words[index] != word { return false }
        return true
    }

    /// The hash of the key of a copy.
    func hash(of copy: UnsafeRawPointer, _ seed: UInt64) -> Int {
        let length = keyLength(copy)
        let words = (copy + Self.keyOffset).assumingMemoryBound(to: UInt64.self)
        return TableKey.hash(UnsafeBufferPointer(start: words, count: (length + 7) / 8), length: length, seed)
    }

    func begin(_ copy: UnsafeMutableRawPointer, _ key: TableKey) {
        copy.initializeMemory(as: UInt8.self, repeating: 0, count: copySize)
        let words = (copy + Self.keyOffset).assumingMemoryBound(to: UInt64.self)
        for (index, word) in key.words.enumerated() { words[index] = word }
        setState(copy, .used, keyLength: key.length)
    }

    static func store(_ value: SharedValue, _ place: UnsafeMutableRawPointer) {
        switch value {
        case .integer(let number): place.storeBytes(of: number, as: Int64.self)
        case .bytes(let bytes):
            place.storeBytes(of: UInt64(bytes.count), as: UInt64.self)
            bytes.withUnsafeBytes {
                (place + 8).copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(place), byteCount: $0.count)
            }
        }
    }
}

/// A key as a table keeps it: in words, the last filled up with zeros.
nonisolated struct TableKey {
    let length: Int
    let words: [UInt64]

    init(_ text: String) {
        var text = text
        (length, words) = text.withUTF8 { bytes in
            var words = [UInt64](repeating: 0, count: (bytes.count + 7) / 8)
            words.withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
            return (bytes.count, words)
        }
    }

    func hash(_ seed: UInt64) -> Int { Self.hash(words, length: length, seed) }

    /// Spread by a seed that clients do not know, so that they cannot choose keys that fall together.
    static func hash(_ words: some Sequence<UInt64>, length: Int, _ seed: UInt64) -> Int {
        var hash = seed ^ UInt64(length)
        for word in words {
            let (high, low) = (hash ^ word).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
            hash = high ^ low &+ seed
        }
        let (high, low) = hash.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        return Int(truncatingIfNeeded: (high ^ low) >> 1)
    }
}
