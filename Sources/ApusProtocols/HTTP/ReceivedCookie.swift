/// A cookie as a server gives it (RFC 6265 §5.2).
package struct ReceivedCookie {
    package let name: String
    package let value: String
    /// Begins with `/`; nil where none was given that does.
    package private(set) var path: String?
    /// In lower case and without a leading dot; nil where none was given.
    package private(set) var domain: String?
    package private(set) var isSecure = false
    private var expiresAt: Int64?
    private var maxAge: Int64?

    /// Reads the value of a `Set-Cookie` field; nil for what is no cookie.
    package init?(_ field: String, now: HTTPTime) {
        let parts = field.split(atASCII: ";", omittingEmptySubsequences: false)
        guard let pair = parts.first, let equals = pair.firstIndex(ofASCII: "=") else { return nil }
        name = Self.trimmed(pair[..<equals])
        value = Self.trimmed(pair[equals...].dropFirst())
        guard !name.isEmpty else { return nil }
        for part in parts.dropFirst() {
            let equals = part.firstIndex(ofASCII: "=") ?? part.endIndex
            let value = Self.trimmed(part[equals...].dropFirst())
            switch Self.trimmed(part[..<equals]).lowercased() {
            case "path": path = value.hasPrefix("/") ? value : nil
            case "domain":
                let name = value.hasPrefix(".") ? String(value.dropFirst()) : value
                domain = name.isEmpty ? nil : name.lowercased()
            case "secure": isSecure = true
            case "expires": expiresAt = HTTPTime(value, now: now)?.seconds
            case "max-age": maxAge = Int64(value) ?? maxAge
            default: break
            }
        }
    }

    /// When it ends, in seconds since 1970; nil when the client does. `Max-Age` has precedence (RFC 6265 §5.3).
    package func end(now: HTTPTime) -> Int64? {
        guard let maxAge else { return expiresAt }
        return maxAge <= 0 ? .min : now.seconds.addingReportingOverflow(maxAge).overflow ? .max : now.seconds + maxAge
    }

    /// Where a cookie without a path belongs (RFC 6265 §5.1.4).
    package static func defaultPath(of requestPath: String) -> String {
        let path = requestPath.prefix(beforeASCII: "?")
        guard let slash = path.lastIndex(ofASCII: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    /// Whether a cookie of a path is sent with requests of another one (RFC 6265 §5.1.4).
    package static func path(_ cookiePath: String, matches path: Substring) -> Bool {
        guard path.hasPrefix(cookiePath) else { return false }
        return path.utf8.count == cookiePath.utf8.count || cookiePath.hasSuffix("/")
            || path.dropFirst(cookiePath.count).hasPrefix("/")
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }
}
