/// An entity tag: a name for one state of a representation (RFC 9110 §8.8.3).
package struct HTTPEntityTag: Hashable, Sendable {
    /// What stands between the quotes.
    package let opaque: [UInt8]
    /// It may name two states that differ in a way that does not matter.
    package let isWeak: Bool

    /// A tag with `opaque` between its quotes, which holds neither quotes, blanks nor control characters.
    package init(opaque: String, isWeak: Bool = false) {
        self.opaque = Array(opaque.utf8)
        self.isWeak = isWeak
    }

    /// Reads a field that holds one tag and nothing else.
    package init?(_ field: String) {
        var rest = Array(field.utf8)[...].trimmed
        guard let tag = Self.take(&rest), rest.isEmpty else { return nil }
        self = tag
    }

    private init(_ opaque: ArraySlice<UInt8>, isWeak: Bool) {
        self.opaque = Array(opaque)
        self.isWeak = isWeak
    }

    /// As it stands in a header field.
    package var text: String { "\(isWeak ? "W/" : "")\"\(String(decoding: opaque, as: UTF8.self))\"" }

    /// The strong comparison of RFC 9110 §8.8.3.2: byte for byte the same.
    package func matchesStrongly(_ other: HTTPEntityTag) -> Bool { !isWeak && !other.isWeak && opaque == other.opaque }

    /// The weak comparison: one serves as well as the other.
    package func matchesWeakly(_ other: HTTPEntityTag) -> Bool { opaque == other.opaque }

    // MARK: Lists

    /// Whether a list of tags, the value of `If-Match` or `If-None-Match`, is "*" or satisfies `isMatch` with one of
    /// its members. What stands behind a member that is none is not looked at.
    package static func list(_ field: String, contains isMatch: (HTTPEntityTag) -> Bool) -> Bool {
        var rest = Array(field.utf8)[...].trimmed
        if rest.elementsEqual("*".utf8) { return true }
        while !rest.isEmpty {
            if rest.first == UInt8(ascii: ",") {  // RFC 9110 §5.6.1.2: members may be empty.
                rest = rest.dropFirst().trimmed
                continue
            }
            guard let tag = take(&rest) else { return false }
            rest = rest.trimmed
            guard rest.isEmpty || rest.first == UInt8(ascii: ",") else { return false }
            if isMatch(tag) { return true }
        }
        return false
    }

    /// Takes the tag that the bytes start with.
    private static func take(_ bytes: inout ArraySlice<UInt8>) -> HTTPEntityTag? {
        var rest = bytes
        let isWeak = rest.starts(with: "W/".utf8)
        if isWeak { rest = rest.dropFirst(2) }
        guard rest.first == UInt8(ascii: "\"") else { return nil }
        rest = rest.dropFirst()
        guard let end = rest.firstIndex(of: UInt8(ascii: "\"")) else { return nil }
        let opaque = rest[..<end]
        guard opaque.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return nil }
        bytes = rest[(end + 1)...]
        return HTTPEntityTag(opaque, isWeak: isWeak)
    }
}
