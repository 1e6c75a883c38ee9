import Glibc

/// What became of one input in both readers.
enum Finding: Hashable {
    case same
    /// A difference that is meant.
    case explained(Difference)
    /// A difference that nobody has explained.
    case unknown(String)
}

/// Compares how both have read an input.
struct Comparison {
    let input: UnsafeBufferPointer<UInt8>
    let ours: Message
    let peer: Message
    /// We wait for more, and refuse the request whatever may end it.
    let isRefusedWhole: Bool

    var finding: Finding {
        switch (ours.outcome, peer.outcome) {
        case (.refused, .refused), (.incomplete, .incomplete): .same
        case (.complete, .complete): accepted
        case (.refused, _):
            Difference.refusal(self).map(Finding.explained) ?? unknown("we refuse with \(ours.error), \(peer.outcome)")
        case (_, .refused):
            Difference.acceptance(self).map(Finding.explained) ?? unknown("\(peer.error), \(ours.outcome)")
        case (.complete, .incomplete): unknown("only we take it for complete")
        case (.incomplete, .complete): unknown("only we wait for more")
        }
    }

    private func unknown(_ difference: String) -> Finding { .unknown(difference) }

    private var accepted: Finding {
        guard ours.method == peer.method else { return unknown("methods") }
        guard ours.target == peer.target else { return unknown("targets") }
        guard ours.minorVersion == min(peer.minorVersion, 1) else { return unknown("versions") }
        guard haveSameFields(ours.fields, peer.fields, isHead: true) else { return unknown("fields") }
        guard ours.keepsAlive == peer.keepsAlive else {
            return Difference.persistence(self).map(Finding.explained) ?? unknown("keepsAlive: \(ours.keepsAlive)")
        }
        guard ours.byteCount == peer.byteCount else { return unknown("\(ours.byteCount) and \(peer.byteCount) bytes") }
        guard ours.body.count == peer.body.count,
            ours.body.count == 0
                || memcmp(ours.body.baseAddress!, peer.body.baseAddress!, ours.body.count) == 0
        else { return unknown("bodies") }
        guard haveSameFields(ours.trailers, peer.trailers, isHead: false) else { return unknown("trailers") }
        return .same
    }

    private typealias Field = (name: Range<Int>, value: Range<Int>)

    private func haveSameFields(_ a: [Field], _ b: [Field], isHead: Bool) -> Bool {
        guard a.count == b.count else { return false }
        return zip(a, b).allSatisfy { a, b in
            // RFC 9112 §3.2.2: the target's host is in place of this value.
            let isReplaced = isHead && ours.isAbsolute && a.name.count == 4 && ours.target.contains(a.value.lowerBound)
            return a.name == b.name && (isReplaced || trimmed(a.value) == trimmed(b.value))
        }
    }

    /// http-parser leaves blanks behind a value (RFC 9112 §5.1), and empty values have no place.
    private func trimmed(_ range: Range<Int>) -> Range<Int> {
        var range = range
        while let first = range.first, [0x20, 0x09].contains(input[first]) { range.removeFirst() }
        while let last = range.last, [0x20, 0x09].contains(input[last]) { range.removeLast() }
        return range.isEmpty ? 0..<0 : range
    }
}
