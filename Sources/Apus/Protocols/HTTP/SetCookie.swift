import ApusProtocols

/// A cookie for the client to keep (RFC 6265 §4.1). What is not said otherwise is safe: scripts cannot read it, and
/// other sites' forms do not send it.
public nonisolated struct SetCookie: Sendable, Hashable {
    /// Whether requests that other sites cause carry the cookie.
    public enum SameSite: String, Sendable {
        /// Only when the user follows a link.
        case lax = "Lax"
        /// Never.
        case strict = "Strict"
        /// Always; browsers want `isSecure` then.
        case none = "None"
    }

    /// A token (RFC 9110 §5.6.2).
    public var name: String
    /// Any text; sent percent-encoded.
    public var value: String
    /// Seconds that the client keeps it; nil until it ends, 0 deletes it.
    public var maxAge: Int?
    /// Paths below which it is sent.
    public var path: String?
    /// The host below which it is sent; nil for the answering one alone.
    public var domain: String?
    /// Only sent over TLS.
    public var isSecure: Bool
    /// Hidden from scripts.
    public var isHTTPOnly: Bool
    /// Whether requests that other sites cause carry it; nil leaves it to the client.
    public var sameSite: SameSite?

    /// A cookie.
    public init(
        _ name: String, _ value: String, maxAge: Int? = nil, path: String? = "/", domain: String? = nil,
        isSecure: Bool = false, isHTTPOnly: Bool = true, sameSite: SameSite? = .lax
    ) {
        self.name = name
        self.value = value
        self.maxAge = maxAge
        self.path = path
        self.domain = domain
        self.isSecure = isSecure
        self.isHTTPOnly = isHTTPOnly
        self.sameSite = sameSite
    }

    /// The value of the `Set-Cookie` field.
    public var text: String {
        // RFC 3986 §2.3: the unreserved characters stand for themselves.
        var text = name + "="
        text += PercentCoding.encode(value) { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
            default: false
            }
        }
        if let domain { text += "; Domain=\(domain)" }
        if let maxAge { text += "; Max-Age=\(maxAge)" }
        if let path { text += "; Path=\(path)" }
        if isSecure { text += "; Secure" }
        if isHTTPOnly { text += "; HttpOnly" }
        if let sameSite { text += "; SameSite=\(sameSite.rawValue)" }
        return text
    }

    /// Neither a name nor an attribute may end early and begin another one.
    var isValid: Bool {
        let attributes = (path ?? "") + (domain ?? "")
        return HTTPHeaders.isToken(name) && !attributes.utf8.contains { $0 == UInt8(ascii: ";") || $0 < 0x20 }
    }
}

extension HTTPResponse {
    /// Has the client keep a cookie. False, and nothing is added, when name, path or domain cannot be sent.
    @discardableResult
    public mutating func setCookie(_ cookie: SetCookie) -> Bool {
        cookie.isValid && headers.add("Set-Cookie", cookie.text)
    }
}
