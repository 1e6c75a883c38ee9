/// What a `Range` field asks of a representation (RFC 9110 §14.1.2, §14.2).
package enum HTTPByteRanges: Equatable, Sendable {
    /// The field is to be treated as if it were not there: another unit, bad syntax, or more than a server should do
    /// for one request.
    case ignored
    /// It is in order, and no byte that it names exists.
    case unsatisfiable
    /// At least one range, none of them empty, all within the representation, and no byte twice.
    case satisfiable([Range<Int>])

    /// Ranges in one request at the most; a field that names more is ignored (RFC 9110 §17.15).
    package static let mostRanges = 16

    /// Reads the value of the field for a representation of `size` bytes.
    package init(_ field: String, size: Int) {
        let bytes = Array(field.utf8)[...].trimmed
        guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")),
            bytes[..<equals].elementsEqual("bytes".utf8, by: { $0 | 0x20 == $1 })
        else {
            self = .ignored
            return
        }
        var count = 0
        var ranges: [Range<Int>] = []
        for element in bytes[(equals + 1)...].split(separator: UInt8(ascii: ",")) {
            let element = element.trimmed
            if element.isEmpty { continue }  // RFC 9110 §5.6.1.2
            count += 1
            guard count <= Self.mostRanges, let spec = RangeSpec(element) else {
                self = .ignored
                return
            }
            // The last n bytes of nothing are all of it, for which Content-Range has no words.
            if size == 0, case .suffix(let length) = spec, length > 0 {
                self = .ignored
                return
            }
            if let range = spec.range(size) { ranges.append(range) }
        }
        self = count == 0 ? .ignored : ranges.isEmpty ? .unsatisfiable : Self.joined(ranges, size)
    }

    /// Whoever asks for more than there is asks for the same bytes again and again. Otherwise ranges that overlap
    /// become one (RFC 9110 §15.3.7.2); those that do not stay in their order.
    private static func joined(_ ranges: [Range<Int>], _ size: Int) -> HTTPByteRanges {
        var total = 0
        for range in ranges {
            guard range.count <= size - total else { return ranges.count == 1 ? .satisfiable(ranges) : .ignored }
            total += range.count
        }
        let sorted = ranges.sorted { $0.lowerBound < $1.lowerBound }
        guard zip(sorted, sorted.dropFirst()).contains(where: { $0.upperBound > $1.lowerBound }) else {
            return .satisfiable(ranges)
        }
        var merged = [sorted[0]]
        for range in sorted.dropFirst() {
            if range.lowerBound <= merged.last!.upperBound {
                let last = merged.removeLast()
                merged.append(last.lowerBound..<max(last.upperBound, range.upperBound))
            } else {
                merged.append(range)
            }
        }
        return .satisfiable(merged)
    }
}

/// One element of the field.
private enum RangeSpec {
    case from(Int, through: Int)
    case suffix(Int)

    init?(_ bytes: ArraySlice<UInt8>) {
        guard let dash = bytes.firstIndex(of: UInt8(ascii: "-")) else { return nil }
        let before = bytes[..<dash]
        let behind = bytes[(dash + 1)...]
        if before.isEmpty {
            guard let length = Self.number(behind) else { return nil }
            self = .suffix(length)
        } else {
            guard let first = Self.number(before), let last = behind.isEmpty ? Int.max : Self.number(behind),
                first <= last
            else { return nil }
            self = .from(first, through: last)
        }
    }

    /// The bytes of a representation that it stands for; nil when there are none.
    func range(_ size: Int) -> Range<Int>? {
        switch self {
        case .from(let first, let last): first < size ? first..<(min(last, size - 1) + 1) : nil
        case .suffix(let length): length > 0 && size > 0 ? max(0, size - length)..<size : nil
        }
    }

    /// Digits; a number that is too large is as good as the largest.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard !digits.isEmpty else { return nil }
        var value = 0
        for digit in digits {
            guard digit >= 0x30, digit <= 0x39 else { return nil }
            let (tens, over) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = tens.addingReportingOverflow(Int(digit - 0x30))
            value = over || overflow ? .max : sum
        }
        return value
    }
}

extension ArraySlice<UInt8> {
    /// Without blanks and tabs around it (RFC 9110 §5.6.3).
    var trimmed: ArraySlice<UInt8> {
        var rest = self
        while let first = rest.first, first == 0x20 || first == 0x09 { rest.removeFirst() }
        while let last = rest.last, last == 0x20 || last == 0x09 { rest.removeLast() }
        return rest
    }
}
