import CApus

/// What a time zone file says (TZif, RFC 9636): transitions until some year, and a rule for all times after these.
nonisolated struct ZoneFile: Sendable, Hashable {
    /// Why a file cannot be used.
    enum Failure: Error, CustomStringConvertible {
        case unreadable(SystemError)
        case tooLarge
        case malformed(String)

        var description: String {
            switch self {
            case .unreadable(let error): error.description
            case .tooLarge: "its file is larger than \(ZoneFile.maxBytes) bytes"
            case .malformed(let reason): "its file is no valid time zone file: \(reason)"
            }
        }
    }

    private static let maxBytes = 256 * 1024

    /// Unix times in ascending order.
    private var times: [Int] = []
    /// Seconds ahead of UTC from each of these times on.
    private var offsets: [Int] = []
    /// Seconds ahead of UTC before the first.
    private var firstOffset = 0
    /// What holds from the last on; nil when the last transition holds for ever.
    private let rule: PosixZoneRule?

    init(rule: PosixZoneRule?) { self.rule = rule }

    init(path: String) throws(Failure) {
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Self.maxBytes) { buffer, initialized in
            count = capus_read_file(path, buffer.baseAddress!, buffer.count)
            initialized = max(0, count)
        }
        if count < 0 { throw .unreadable(SystemError("read \(path)", Int32(-count))) }
        guard count < Self.maxBytes else { throw .tooLarge }
        try self.init(bytes)
    }

    /// Files of version 1 hold 32-bit times and no rule; later ones repeat all with 64-bit times (§3).
    init(_ bytes: [UInt8]) throws(Failure) {
        var reader = ZoneFileReader(bytes: bytes)
        var header = try reader.header()
        if header.version >= UInt8(ascii: "2") {
            try reader.skip(header.blockSize(timeSize: 4))
            header = try reader.header()
            (times, offsets, firstOffset) = try reader.transitions(header, timeSize: 8)
            rule = try reader.footer()
        } else {
            (times, offsets, firstOffset) = try reader.transitions(header, timeSize: 4)
            rule = nil
        }
    }

    func period(at time: Int) -> ZonePeriod {
        let next = firstTransition(after: time)
        if next == times.count, let rule {
            var period = rule.period(at: time)
            // The rule holds from the last transition on, however far back it could be applied.
            if let last = times.last, period.start <= last {
                period.start = last
                period.previousOffset = offset(before: next - 1)
            }
            return period
        }
        return ZonePeriod(
            start: next > 0 ? times[next - 1] : ZonePeriod.distantPast,
            end: next < times.count ? times[next] : ZonePeriod.distantFuture,
            offset: offset(before: next), previousOffset: offset(before: max(0, next - 1)))
    }

    /// What holds until the transition of that index.
    private func offset(before index: Int) -> Int { index > 0 ? offsets[index - 1] : firstOffset }

    private func firstTransition(after time: Int) -> Int {
        var (low, high) = (0, times.count)
        while low < high {
            let middle = (low + high) / 2
            if times[middle] <= time { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// Reads the parts of a file, one behind the other.
private nonisolated struct ZoneFileReader {
    /// §3.1.
    struct Header {
        let version: UInt8
        let isUTCCount, isStandardCount, leapCount, timeCount, typeCount, characterCount: Int

        /// Bytes of the data block behind it (§3.2).
        func blockSize(timeSize: Int) -> Int {
            timeCount * (timeSize + 1) + typeCount * 6 + characterCount + leapCount * (timeSize + 4) + isStandardCount
                + isUTCCount
        }
    }

    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func skip(_ count: Int) throws(ZoneFile.Failure) {
        guard count <= bytes.count - position else { throw .malformed("it ends early") }
        position += count
    }

    mutating func header() throws(ZoneFile.Failure) -> Header {
        let start = position
        try skip(44)
        guard bytes[start..<start + 4].elementsEqual("TZif".utf8) else { throw .malformed("TZif is not its start") }
        let counts = (0..<6).map { integer(at: start + 20 + $0 * 4, size: 4) }
        guard counts.allSatisfy({ (0...1_000_000).contains($0) }) else { throw .malformed("a count is out of range") }
        let header = Header(
            version: bytes[start + 4], isUTCCount: counts[0], isStandardCount: counts[1], leapCount: counts[2],
            timeCount: counts[3], typeCount: counts[4], characterCount: counts[5])
        guard header.typeCount > 0 else { throw .malformed("it has no type of local time") }
        return header
    }

    /// §3.2: times, the types that begin at them, then what each type means.
    mutating func transitions(
        _ header: Header, timeSize: Int
    ) throws(ZoneFile.Failure) -> (times: [Int], offsets: [Int], firstOffset: Int) {
        let start = position
        try skip(header.blockSize(timeSize: timeSize))
        guard header.leapCount == 0 else { throw .malformed("it counts leap seconds, and Unix time does not") }
        let times = (0..<header.timeCount).map { integer(at: start + $0 * timeSize, size: timeSize) }
        guard zip(times, times.dropFirst()).allSatisfy(<) else { throw .malformed("its times are not in order") }
        guard times.allSatisfy({ $0 > ZonePeriod.distantPast && $0 < ZonePeriod.distantFuture }) else {
            throw .malformed("a time is out of range")
        }
        let indices = start + header.timeCount * timeSize
        let types = indices + header.timeCount
        // The range of §3.2.
        let meanings = (0..<header.typeCount).map { integer(at: types + $0 * 6, size: 4) }
        guard meanings.allSatisfy({ (-89_999...93_599).contains($0) }) else {
            throw .malformed("an offset is too large")
        }
        let chosen = bytes[indices..<types].map(Int.init)
        guard chosen.allSatisfy({ $0 < header.typeCount }) else { throw .malformed("a type does not exist") }
        return (times, chosen.map { meanings[$0] }, meanings[0])
    }

    /// §3.3: a rule between two line ends; an empty one says nothing about the future.
    mutating func footer() throws(ZoneFile.Failure) -> PosixZoneRule? {
        let start = position
        try skip(2)
        guard bytes[start] == 0x0A, let end = bytes[(start + 1)...].firstIndex(of: 0x0A) else {
            throw .malformed("its footer is no line")
        }
        let text = String(decoding: bytes[start + 1..<end], as: UTF8.self)
        guard !text.isEmpty else { return nil }
        guard let rule = PosixZoneRule(text) else { throw .malformed("its rule \"\(text)\" is not understood") }
        return rule
    }

    /// A signed number, the highest byte first.
    private func integer(at start: Int, size: Int) -> Int {
        let value = bytes[start..<start + size].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return size == 4 ? Int(Int32(truncatingIfNeeded: value)) : Int(Int64(bitPattern: value))
    }
}
