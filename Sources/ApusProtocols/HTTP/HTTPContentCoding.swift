/// How a representation is compressed (RFC 9110 §8.4.1), in the order in which a server prefers to send it.
package enum HTTPContentCoding: CaseIterable, Sendable {
    case brotli, gzip

    /// As fields name it.
    package var name: String {
        switch self {
        case .brotli: "br"
        case .gzip: "gzip"
        }
    }

    /// What the names of such files end in.
    package var fileExtension: String {
        switch self {
        case .brotli: "br"
        case .gzip: "gz"
        }
    }
}

/// What a client says of the codings it takes (RFC 9110 §12.5.3).
package struct HTTPAcceptedCodings {
    /// Weights in thousandths; nil for what is not named.
    private var brotli: Int?
    private var gzip: Int?
    private var identity: Int?
    private var others: Int?

    /// Reads the value of `Accept-Encoding`. Members that are none do not count; of one that is named twice the last.
    package init(_ field: String) {
        for member in Array(field.utf8).split(separator: UInt8(ascii: ",")) {
            let parts = member.split(separator: UInt8(ascii: ";"), maxSplits: 1, omittingEmptySubsequences: false)
            guard let weight = parts.count == 1 ? 1000 : Self.weight(parts[1].trimmed) else { continue }
            switch String(decoding: parts[0].trimmed, as: UTF8.self).lowercased() {
            case "br": brotli = weight
            case "gzip", "x-gzip": gzip = weight
            case "identity": identity = weight
            case "*": others = weight
            default: break
            }
        }
    }

    /// The best of the codings that are there beside none at all; nil for none at all, which is also for clients that
    /// would take nothing of what there is.
    package func best(of available: [HTTPContentCoding]) -> HTTPContentCoding? {
        var best: HTTPContentCoding?
        // Not named is no coding worth less than any that is, unless it is refused with all others.
        var bestWeight = identity ?? 0
        for coding in HTTPContentCoding.allCases where available.contains(coding) {
            let weight = (coding == .brotli ? brotli : gzip) ?? others ?? 0
            guard weight > 0, best == nil ? weight >= bestWeight : weight > bestWeight else { continue }
            (best, bestWeight) = (coding, weight)
        }
        return best
    }

    /// "q=0.5": at most three digits behind the point.
    private static func weight(_ parameter: ArraySlice<UInt8>) -> Int? {
        guard parameter.count >= 3, parameter.count <= 7, parameter.first! | 0x20 == UInt8(ascii: "q"),
            parameter.dropFirst().first == UInt8(ascii: "=")
        else { return nil }
        let number = Array(parameter.dropFirst(2))
        guard number[0] == UInt8(ascii: "0") || number[0] == UInt8(ascii: "1"),
            number.count == 1 || number[1] == UInt8(ascii: ".")
        else { return nil }
        var weight = Int(number[0] - 0x30) * 1000
        for (digit, worth) in zip(number.dropFirst(2), [100, 10, 1]) {
            guard digit >= 0x30, digit <= 0x39 else { return nil }
            weight += Int(digit - 0x30) * worth
        }
        return weight <= 1000 ? weight : nil
    }
}
