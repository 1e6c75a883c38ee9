import Synchronization

/// A table that all processes of a program share, in memory.
///
///     let players = SharedTable("players", rows: 1024, columns: [.integer("score"), .bytes("team", capacity: 32)])
///     try players.increment("anna", "score", by: 3)
///     try players.set("anna", ["team": "red"])
///     if let anna = players["anna"] { … anna.integer("score"), anna.text("team") … }
///
/// Make it at the top level of the program, where each of its processes comes by, under a name of its own; its size is
/// fixed. It is empty, or holds what the program puts into it there, when the service is started; `reload` keeps it as
/// long as the program has the same counters and tables.
///
/// A row changes as a whole and with its lock held, so changes of several processes add up, and is read without one.
/// Who is killed in the midst of a change leaves the row as it was and holds up nobody. It takes about four times the
/// memory of its rows. May be used from any thread. Spec 08 §5.
public nonisolated final class SharedTable: Sendable, Sequence {
    /// What the program calls it.
    public let name: String
    /// How many rows it may have.
    public let capacity: Int
    private let shape: TableShape
    private let region: SharedRegion

    /// A table of at most `rows` rows, whose keys have 1 to `keyCapacity` bytes.
    @MainActor public init(_ name: String, rows: Int, keyCapacity: Int = 64, columns: [SharedColumn]) {
        precondition(([name] + columns.map(\.name)).allSatisfy(SharedName.isUsable), SharedName.rule)
        precondition((1...1 << 26).contains(rows), "a shared table has 1 to 67,108,864 rows")
        precondition((1...4096).contains(keyCapacity), "keys of a shared table have up to 1 to 4,096 bytes")
        for case .bytes(let column, let capacity) in columns {
            precondition((1...1 << 26).contains(capacity), "column \(column): room for 1 to 67,108,864 bytes")
        }
        self.name = name
        capacity = rows
        shape = TableShape(rows: rows, keyCapacity: keyCapacity, columns: columns)
        let columns = columns.map(\.layout).joined(separator: ", ")
        region = SharedRegion(
            layout: "table \(name) rows \(rows) key \(keyCapacity) columns \(columns)", size: shape.size
        ) { $0.storeBytes(of: UInt64.random(in: 1...(.max)), toByteOffset: TableShape.seedOffset, as: UInt64.self) }
        SharedMemory.add(region)
    }

    deinit {}

    // MARK: Reading

    /// The row of a key; nil when there is none.
    public subscript(key: String) -> SharedRow? {
        let key = TableKey(key)
        guard let index = find(key).index, let bytes = contents(index, { self.shape.holds($0, key) }) else {
            return nil
        }
        return SharedRow(shape, bytes)
    }

    /// Whether there is a row of this key.
    public func contains(_ key: String) -> Bool { find(TableKey(key)).index != nil }

    /// How many rows there are.
    public var count: Int { counter.pointee.load(ordering: .acquiring) }

    /// Goes through the rows, in no order. Those that are there all the time come once; of what is added or removed
    /// meanwhile some may come.
    public func makeIterator() -> AnyIterator<SharedRow> {
        var next = 0
        return AnyIterator { [self] in
            while next < shape.slotCount {
                next += 1
                if let bytes = contents(next - 1, { self.shape.state($0) == .used }) { return SharedRow(shape, bytes) }
            }
            return nil
        }
    }

    /// Not known before.
    public var underestimatedCount: Int { 0 }

    // MARK: Changing

    /// Sets columns of the row of a key, which is added if there is none: its other columns are 0 and empty.
    public func set(_ key: String, _ values: [String: SharedValue]) throws(SharedTableError) {
        let places = try places(of: values)
        try change(usable(key), adds: true) { row, _ in
            for (offset, value) in places { TableShape.store(value, row + offset) }
            return true
        }
    }

    /// Adds a row unless there is one of this key; tells whether it has.
    @discardableResult
    public func insert(_ key: String, _ values: [String: SharedValue]) throws(SharedTableError) -> Bool {
        let places = try places(of: values)
        var isAdded = false
        try change(usable(key), adds: true) { row, isNew in
            isAdded = isNew
            if isNew { for (offset, value) in places { TableShape.store(value, row + offset) } }
            return isNew
        }
        return isAdded
    }

    /// Adds to a number of the row of a key, which is added if there is none, and returns what it is then. On overflow
    /// it begins again at the other end.
    @discardableResult
    public func increment(_ key: String, _ column: String, by amount: Int64 = 1) throws(SharedTableError) -> Int64 {
        let offset = try integerOffset(column)
        var sum: Int64 = 0
        try change(usable(key), adds: true) { row, _ in
            sum = row.load(fromByteOffset: offset, as: Int64.self) &+ amount
            row.storeBytes(of: sum, toByteOffset: offset, as: Int64.self)
            return true
        }
        return sum
    }

    /// Sets a number of the row of a key to `desired` if it is `expected`, and tells whether it was; false without a
    /// row.
    @discardableResult
    public func compareExchange(
        _ key: String, _ column: String, expected: Int64, desired: Int64
    ) throws(SharedTableError) -> Bool {
        let offset = try integerOffset(column)
        var isSet = false
        try change(usable(key), adds: false) { row, _ in
            isSet = row.load(fromByteOffset: offset, as: Int64.self) == expected
            if isSet { row.storeBytes(of: desired, toByteOffset: offset, as: Int64.self) }
            return isSet
        }
        return isSet
    }

    /// Sets columns of the row of a key, all at once, if a number of it is `expected`, and tells whether it was; false
    /// without a row. So a row changes hands, and of several who want it one gets it.
    @discardableResult
    public func set(
        _ key: String, _ values: [String: SharedValue], if column: String, is expected: Int64
    ) throws(SharedTableError) -> Bool {
        let places = try places(of: values)
        let condition = try integerOffset(column)
        var isSet = false
        try change(usable(key), adds: false) { row, _ in
            isSet = row.load(fromByteOffset: condition, as: Int64.self) == expected
            if isSet { for (offset, value) in places { TableShape.store(value, row + offset) } }
            return isSet
        }
        return isSet
    }

    /// Removes the row of a key; false when there is none.
    @discardableResult
    public func remove(_ key: String) throws(SharedTableError) -> Bool { try remove(TableKey(key)) { _ in true } }

    /// Removes the row of a key if a number of it is `expected`, and tells whether it was; false without a row. What is
    /// found to be out of date is removed like that, and never what somebody has just made of it.
    @discardableResult
    public func remove(_ key: String, if column: String, is expected: Int64) throws(SharedTableError) -> Bool {
        let offset = try integerOffset(column)
        return try remove(TableKey(key)) { $0.load(fromByteOffset: offset, as: Int64.self) == expected }
    }

    private func remove(
        _ key: TableKey, _ isToGo: (UnsafeRawPointer) -> Bool
    ) throws(SharedTableError) -> Bool {
        guard find(key).index != nil else { return false }
        try lockTable()
        defer { tableLock.release() }
        guard let index = find(key).index else { return false }
        var isRemoved = false
        _ = try write(index) { row in
            isRemoved = isToGo(row)
            if isRemoved { shape.setState(row, .removed, keyLength: 0) }
            return isRemoved
        }
        guard isRemoved else { return false }
        counter.pointee.wrappingSubtract(1, ordering: .releasing)
        // It has gone, whether or not its place can be used at once.
        try? tidy(around: index)
        return true
    }

    // MARK: Finding

    var tableLock: SharedLock { SharedLock(at: region.base + TableShape.lockOffset) }
    private var counter: UnsafeMutablePointer<Atomic<Int>> {
        (region.base + TableShape.countOffset).assumingMemoryBound(to: Atomic<Int>.self)
    }

    private func slot(_ index: Int) -> UnsafeMutableRawPointer { shape.slot(index, region.base) }

    private func version(_ slot: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Atomic<UInt64>> {
        (slot + TableShape.versionOffset).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    private static let triesWithoutLock = 16

    /// Looks at the copy that counts until nobody has written to it meanwhile.
    private func look<Result>(_ index: Int, _ body: (UnsafeRawPointer) -> Result) -> Result {
        let slot = slot(index)
        let version = version(slot)
        var tries = 0
        while true {
            // Who writes without a pause would keep a slow reader waiting: it takes its turn. A lock that cannot be had
            // is that of a writer that stands still, and disturbs nobody.
            tries += 1
            let lock = tries > Self.triesWithoutLock ? SharedLock(at: slot) : nil
            let outcome = lock?.acquire()
            defer {
                switch outcome {
                case .acquired?, .takenOver?: lock?.release()
                case .busy?, nil: break
                }
            }
            let before = version.pointee.load(ordering: .acquiring)
            let result = body(shape.copy(slot, before))
            atomicMemoryFence(ordering: .acquiring)
            if version.pointee.load(ordering: .relaxed) == before { return result }
        }
    }

    private func contents(_ index: Int, _ isWanted: (UnsafeRawPointer) -> Bool) -> [UInt8]? {
        look(index) { copy in
            isWanted(copy) ? Array(UnsafeRawBufferPointer(start: copy, count: shape.copySize)) : nil
        }
    }

    private var seed: UInt64 { region.base.load(fromByteOffset: TableShape.seedOffset, as: UInt64.self) }

    func state(of index: Int) -> TableShape.State? { look(index) { shape.state($0) } }

    /// How many slots are in a state.
    func slotCount(_ state: TableShape.State) -> Int {
        (0..<shape.slotCount).count { self.state(of: $0) == state }
    }

    /// The slot of a key, or the first one where it can be added.
    ///
    /// Without a lock a row is found as long as it is there: it never moves, and what stands between where the search
    /// begins and the row, its *way*, ends no search. For a row is added at the first slot of its way that is not used,
    /// so all before it are used then; and `tidy` frees only slots that are on the way to no row, one by one, with the
    /// table's lock held, under which rows neither come nor go. So at no moment is a slot free that is on the way to a
    /// row, in whatever order slots become free, and also after the end of a process that was at it.
    private func find(_ key: TableKey) -> (index: Int?, vacancy: Int?) {
        let mask = shape.slotCount - 1
        var index = key.hash(seed) & mask
        var vacancy: Int?
        for _ in 0..<shape.slotCount {
            let (isIt, state) = look(index) { (shape.holds($0, key), shape.state($0)) }
            if isIt { return (index, nil) }
            if state != .used { vacancy = vacancy ?? index }
            if state == .free { break }
            index = (index + 1) & mask
        }
        return (nil, vacancy)
    }

    // MARK: Writing

    private func usable(_ text: String) throws(SharedTableError) -> TableKey {
        let key = TableKey(text)
        guard (1...shape.keyCapacity).contains(key.length) else {
            throw .unusableKey(table: name, key: text, limit: shape.keyCapacity)
        }
        return key
    }

    private func places(of values: [String: SharedValue]) throws(SharedTableError) -> [(Int, SharedValue)] {
        var places: [(Int, SharedValue)] = []
        for (column, value) in values {
            switch (shape.columns[column], value) {
            case (nil, _): throw .noColumn(table: name, column: column)
            case ((.integer, let offset)?, .integer): places.append((offset, value))
            case ((.bytes(_, let capacity), let offset)?, .bytes(let bytes)):
                guard bytes.count <= capacity else {
                    throw .valueTooLong(table: name, column: column, bytes: bytes.count, capacity: capacity)
                }
                places.append((offset, value))
            default: throw .wrongKind(table: name, column: column)
            }
        }
        return places
    }

    private func integerOffset(_ column: String) throws(SharedTableError) -> Int {
        switch shape.columns[column] {
        case (.integer, let offset)?: return offset
        case nil: throw .noColumn(table: name, column: column)
        default: throw .wrongKind(table: name, column: column)
        }
    }

    /// Changes the row of a key: `body` gets the copy that is going to count, and whether the row is new, and tells
    /// whether it has changed anything.
    private func change(
        _ key: TableKey, adds: Bool, _ body: (UnsafeMutableRawPointer, Bool) -> Bool
    ) throws(SharedTableError) {
        while let index = find(key).index {
            // It may be removed before its lock is held.
            if try write(index, { shape.holds($0, key) ? body($0, false) : nil }) { return }
        }
        guard adds else { return }
        try lockTable()
        defer { tableLock.release() }
        let (index, vacancy) = find(key)
        if let index {
            _ = try write(index) { body($0, false) }
            return
        }
        guard let vacancy, counter.pointee.load(ordering: .relaxed) < capacity else {
            throw .full(table: name, rows: capacity)
        }
        _ = try write(vacancy) { row in
            shape.begin(row, key)
            return body(row, true)
        }
        counter.pointee.wrappingAdd(1, ordering: .releasing)
    }

    /// Lets `body` change a copy of a row, which counts afterwards if it says that it has. False when it says, by nil,
    /// that this is not the row it is for.
    private func write(
        _ index: Int, _ body: (UnsafeMutableRawPointer) -> Bool?
    ) throws(SharedTableError) -> Bool {
        let slot = slot(index)
        let lock = SharedLock(at: slot)
        // After an end in the midst of a change the copy that counts is as it was.
        if case .busy = lock.acquire() { throw .busy(table: name) }
        defer { lock.release() }
        let version = version(slot)
        let current = version.pointee.load(ordering: .acquiring)
        let copy = shape.copy(slot, current &+ 1)
        // A reader that sees any of this sees as well that the copy does not count any more.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        copy.copyMemory(from: shape.copy(slot, current), byteCount: shape.copySize)
        guard let isChanged = body(copy) else { return false }
        if isChanged { version.pointee.store(current &+ 1, ordering: .releasing) }
        return true
    }

    func setState(_ index: Int, _ state: TableShape.State) throws(SharedTableError) {
        _ = try write(index) { row in
            shape.setState(row, state, keyLength: 0)
            return true
        }
    }

    /// Frees what a removed row leaves of no use: the slots of removed rows on the way to no row, in the run of slots
    /// without a free one that `index` is in. A way crosses no free slot, so nothing else has to be looked at, and as
    /// each removal does it runs are short: on average 17 slots in the fullest table. With the table's lock held.
    private func tidy(around index: Int) throws(SharedTableError) {
        let mask = shape.slotCount - 1
        var last = index
        while case let next = (last + 1) & mask, next != index, state(of: next) != .free { last = next }
        // In a table without a free slot one round tells which ways come round.
        let isRound = (last + 1) & mask == index
        let open = isRound ? try sweep(from: last, frees: false, openWay: 0) : 0
        _ = try sweep(from: last, frees: true, openWay: open)
    }

    /// Goes back from a slot to the free one before it, or once round. `openWay` is how many slots, from that one back,
    /// are on ways to rows behind it; returns the same of where it ends.
    private func sweep(from last: Int, frees: Bool, openWay: Int) throws(SharedTableError) -> Int {
        let mask = shape.slotCount - 1
        var openWay = openWay
        for index in (0..<shape.slotCount).lazy.map({ (last - $0) & mask }) {
            let (state, way) = look(index) { copy -> (TableShape.State?, Int) in
                let state = shape.state(copy)
                return (state, state == .used ? (index - shape.hash(of: copy, seed)) & mask : 0)
            }
            if state == .free { break }
            if state == .removed, openWay == 0, frees { try setState(index, .free) }
            openWay = Swift.max(openWay - 1, way)
        }
        return openWay
    }

    private func lockTable() throws(SharedTableError) {
        switch tableLock.acquire() {
        case .acquired: break
        case .takenOver:
            // Its holder may have added or removed a row without counting, and without tidying up.
            counter.pointee.store(slotCount(.used), ordering: .releasing)
            try? tidyAll()
        case .busy: throw .busy(table: name)
        }
    }

    private func tidyAll() throws(SharedTableError) {
        for index in 0..<shape.slotCount where state(of: index) == .removed { try tidy(around: index) }
    }
}
