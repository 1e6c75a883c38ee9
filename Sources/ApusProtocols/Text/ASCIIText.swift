/// Text that is taken apart, and escaped, by scalars.
///
/// What Swift calls a character is what a reader sees: `:` with an accent behind it is another one than `:`, a Greek
/// question mark is the same as `;`, and `\r\n` is one that is not `\n`. Whoever reads the text next goes by its bytes,
/// and so has whatever looks for the end of a host name, or puts quotes around a name that comes from outside.
extension StringProtocol where SubSequence == Substring, UTF8View: BidirectionalCollection {
    /// Where `mark`, an ASCII character, stands first.
    package func firstIndex(ofASCII mark: Unicode.Scalar) -> String.Index? {
        utf8.firstIndex(of: UInt8(ascii: mark))
    }

    /// Where `mark`, an ASCII character, stands last.
    package func lastIndex(ofASCII mark: Unicode.Scalar) -> String.Index? {
        utf8.lastIndex(of: UInt8(ascii: mark))
    }

    /// What stands behind the ASCII character at `index`.
    package func behind(_ index: String.Index) -> Substring { self[utf8.index(after: index)...] }

    /// What stands before the first of `marks`, ASCII characters; all of it when there is none.
    package func prefix(beforeASCII marks: String) -> Substring {
        self[..<(utf8.firstIndex { marks.utf8.contains($0) } ?? endIndex)]
    }

    /// The parts between `mark`, an ASCII character.
    package func split(
        atASCII mark: Unicode.Scalar, maxSplits: Int = .max, omittingEmptySubsequences: Bool = true
    ) -> [Substring] {
        let mark = UInt8(ascii: mark)
        var parts: [Substring] = []
        var start = startIndex
        func add(_ end: String.Index) {
            if start < end || !omittingEmptySubsequences { parts.append(self[start..<end]) }
        }
        while parts.count < maxSplits, let end = utf8[start...].firstIndex(of: mark) {
            add(end)
            start = utf8.index(after: end)
        }
        add(endIndex)
        return parts
    }

    /// The text with what `escape` gives in place of a scalar; nil leaves it.
    package func escaped(_ escape: (Unicode.Scalar) -> String?) -> String {
        var text = ""
        text.reserveCapacity(utf8.count)
        for scalar in unicodeScalars {
            if let other = escape(scalar) {
                text += other
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
