/// The method of a request (RFC 9110 §9). Methods are case-sensitive; a request with any other is answered 501.
public enum HTTPMethod: UInt8, Sendable, Hashable, CaseIterable {
    case get, head, post, put, delete, patch, options

    /// The method as it stands in a request line.
    public var name: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .patch: "PATCH"
        case .options: "OPTIONS"
        }
    }

    /// Reads `count` bytes that stand before the first blank of a request line.
    package init?(_ p: UnsafePointer<UInt8>, count: Int) {
        switch count {
        case 3 where matches(p, "GET"): self = .get
        case 3 where matches(p, "PUT"): self = .put
        case 4 where matches(p, "POST"): self = .post
        case 4 where matches(p, "HEAD"): self = .head
        case 5 where matches(p, "PATCH"): self = .patch
        case 6 where matches(p, "DELETE"): self = .delete
        case 7 where matches(p, "OPTIONS"): self = .options
        default: return nil
        }
    }
}

/// Whether the bytes at `p` are exactly `text`; as many as `text` has must be readable.
@inline(__always)
func matches(_ p: UnsafePointer<UInt8>, _ text: StaticString) -> Bool {
    let expected = text.utf8Start
    var i = 0
    while i < text.utf8CodeUnitCount {
        if p[i] != expected[i] { return false }
        i &+= 1
    }
    return true
}

/// Whether the `count` bytes at `p` are `text`, which is in lower case, in any case.
@inline(__always)
package func matchesIgnoringCase(_ p: UnsafePointer<UInt8>, count: Int, _ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    let expected = text.utf8Start
    var i = 0
    if count >= 8 {
        // Eight at a time; the last eight overlap with those before.
        while true {
            let word = UnsafeRawPointer(p + i).loadUnaligned(as: UInt64.self) | 0x2020_2020_2020_2020
            if word != UnsafeRawPointer(expected + i).loadUnaligned(as: UInt64.self) { return false }
            if i == count &- 8 { return true }
            i = min(i &+ 8, count &- 8)
        }
    }
    while i < count {
        if p[i] | 0x20 != expected[i] { return false }
        i &+= 1
    }
    return true
}
