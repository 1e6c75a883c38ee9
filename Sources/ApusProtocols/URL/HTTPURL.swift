/// An address of HTTP: `http://[user[:password]@]host[:port][/path][?query]`, or `https://` (RFC 9110 §4.2); and
/// `http+unix://PATH-OF-THE-SOCKET/path`, whose socket path is percent-encoded.
public struct HTTPURL: Sendable, Hashable, CustomStringConvertible {
    /// Why a text is no such address.
    public struct Failure: Error, CustomStringConvertible, Sendable, Hashable {
        /// What was given, without user and password: it may be logged.
        public let text: String
        /// What is wrong with it.
        public let reason: String

        /// One line for the user.
        public var description: String { "address \"\(text)\": \(reason)" }

        init(text: String, reason: String) {
            self.text = URLAuthority.withoutLogin(text)
            self.reason = reason
        }
    }

    /// Addresses are copied with each request: as one reference.
    private final class Parts: Sendable, Hashable {
        let isSecured: Bool
        let host: String
        let port: UInt16
        let socketPath: String?
        let target: String
        let credentials: String?
        let authority: String

        init(
            isSecured: Bool, host: String, port: UInt16? = nil, socketPath: String? = nil, target: String,
            credentials: String? = nil
        ) {
            let usualPort: UInt16 = isSecured ? 443 : 80
            self.isSecured = isSecured
            self.host = host
            self.port = port ?? usualPort
            self.socketPath = socketPath
            self.target = target
            self.credentials = credentials
            let name = host.contains(":") ? "[\(host)]" : host
            authority = self.port == usualPort ? name : "\(name):\(self.port)"
        }

        static func == (a: Parts, b: Parts) -> Bool {
            a === b
                || a.isSecured == b.isSecured && a.host == b.host && a.port == b.port && a.socketPath == b.socketPath
                    && a.target == b.target && a.credentials == b.credentials
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(isSecured)
            hasher.combine(host)
            hasher.combine(port)
            hasher.combine(socketPath)
            hasher.combine(target)
            hasher.combine(credentials)
        }
    }

    private let parts: Parts

    /// `https`: the connection uses TLS.
    public var isSecured: Bool { parts.isSecured }
    /// The host in lower case, an IPv6 address without its brackets; "localhost" for a Unix socket.
    public var host: String { parts.host }
    /// The port; 80 or 443 unless the address names one.
    public var port: UInt16 { parts.port }
    /// Where the Unix socket is; nil for a TCP connection.
    public var socketPath: String? { parts.socketPath }
    /// Path and query as they go into the request line. Never empty.
    public var target: String { parts.target }
    /// User and password as they go into `Authorization: Basic`, decoded: "user:password".
    public var credentials: String? { parts.credentials }
    /// Host and port as the `Host` field has them: the port only where it is not that of the scheme
    /// (RFC 9110 §7.2).
    public var authority: String { parts.authority }

    /// Reads an address. What may stand in no address, such as a blank or a letter beyond ASCII in its path, is
    /// percent-encoded; a fragment is dropped.
    public init(_ text: String) throws(Failure) {
        let ascii = Self.ascii(text)
        guard let scheme = Self.scheme(ascii[...]) else {
            throw Failure(text: text, reason: "it does not begin with http:// or https://")
        }
        let rest = ascii.dropFirst(scheme.count + 1)
        guard rest.hasPrefix("//") else { throw Failure(text: text, reason: "// is missing behind \(scheme):") }
        try self.init(scheme: scheme.lowercased(), rest.dropFirst(2), of: text)
    }

    /// `rest` is what stands behind `//`.
    private init(scheme: String, _ rest: Substring, of text: String) throws(Failure) {
        guard ["http", "https", "http+unix", "https+unix"].contains(scheme) else {
            throw Failure(text: text, reason: "\(scheme): is no scheme of HTTP")
        }
        let isSecured = scheme.hasPrefix("https")
        let end = rest.utf8.firstIndex { "/?#".utf8.contains($0) } ?? rest.endIndex
        let target = try Self.target(rest[end...], of: text)
        if scheme.hasSuffix("+unix") {
            let path = Self.decoded(rest[..<end])
            guard (2...107).contains(path.utf8.count), path.hasPrefix("/"), !path.utf8.contains(0) else {
                throw Failure(text: text, reason: "the path of a socket begins with %2F and has up to 107 bytes")
            }
            parts = Parts(isSecured: isSecured, host: "localhost", socketPath: path, target: target)
            return
        }
        do throws(URLFault) {
            let authority = try URLAuthority(rest[..<end])
            parts = Parts(
                isSecured: isSecured, host: authority.host.lowercased(), port: authority.port, target: target,
                credentials: authority.userInfo.map { Self.decoded($0[...]) })
        } catch {
            throw Failure(text: text, reason: error.reason)
        }
    }

    private init(_ base: HTTPURL, target: String) {
        parts = Parts(
            isSecured: base.isSecured, host: base.host, port: base.port, socketPath: base.socketPath, target: target)
    }

    /// Whether both were read from one text at one time.
    package func isSame(as other: HTTPURL) -> Bool { parts === other.parts }

    /// The address, in its normal form and without credentials.
    public var description: String {
        let scheme = isSecured ? "https" : "http"
        guard let socketPath else { return "\(scheme)://\(authority)\(target)" }
        return "\(scheme)+unix://\(PercentCoding.encode(socketPath, but: isUnreserved))\(target)"
    }

    /// Whether requests to both go to the same server in the same way (RFC 9110 §4.3.1).
    public func hasOrigin(of other: HTTPURL) -> Bool {
        isSecured == other.isSecured && host == other.host && port == other.port && socketPath == other.socketPath
    }

    /// The address that `reference` stands for in a document at this one, such as the value of `Location`
    /// (RFC 3986 §5.2). Credentials are not inherited.
    public func resolved(_ reference: String) throws(Failure) -> HTTPURL {
        let reference = Self.ascii(reference)
        if let scheme = Self.scheme(reference[...]) {
            let rest = reference.dropFirst(scheme.count + 1)
            guard rest.hasPrefix("//") else { throw Failure(text: reference, reason: "// is missing") }
            return try HTTPURL(scheme: scheme.lowercased(), rest.dropFirst(2), of: reference).withoutDots
        }
        if reference.hasPrefix("//") {
            return try HTTPURL(scheme: isSecured ? "https" : "http", reference.dropFirst(2), of: reference).withoutDots
        }
        let path = target.prefix(beforeASCII: "?")
        let rest = reference.prefix(beforeASCII: "#")
        if rest.isEmpty { return HTTPURL(self, target: target) }
        if rest.hasPrefix("/") {
            return HTTPURL(self, target: Self.withoutDots(try Self.target(rest, of: reference)))
        }
        if rest.hasPrefix("?") {
            return HTTPURL(self, target: String(path) + (try Self.target(rest, of: reference)).dropFirst())
        }
        let folder = path.prefix(through: path.lastIndex(ofASCII: "/") ?? path.startIndex)
        return HTTPURL(self, target: Self.withoutDots(try Self.target(Substring(String(folder) + rest), of: reference)))
    }

    // MARK: Parts

    /// What is not ASCII is percent-encoded: an accent behind a `/` or `#` would make another character of it.
    private static func ascii(_ text: String) -> String {
        text.utf8.allSatisfy { $0 < 0x80 } ? text : PercentCoding.encode(text) { $0 < 0x80 }
    }

    private static func scheme(_ text: Substring) -> Substring? {
        let scheme = text.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
        guard scheme.first?.isLetter == true, text.dropFirst(scheme.count).hasPrefix(":") else { return nil }
        return scheme
    }

    /// Path and query of what follows the authority, without the fragment.
    private static func target(_ text: Substring, of whole: String) throws(Failure) -> String {
        let text = text.prefix(beforeASCII: "#")
        guard !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            throw Failure(text: whole, reason: "it has a control character")
        }
        let encoded = PercentCoding.encode(String(text)) {
            (0x21...0x7E).contains($0) && !#""<>\^`{|}"#.utf8.contains($0)
        }
        return encoded.hasPrefix("/") ? encoded : "/" + encoded
    }

    private static func decoded(_ text: Substring) -> String {
        Array(text.utf8).withUnsafeBytes { PercentCoding.decode($0, plusIsBlank: false) }
    }

    private var withoutDots: HTTPURL { HTTPURL(self, target: Self.withoutDots(target)) }

    /// RFC 3986 §5.2.4.
    private static func withoutDots(_ text: String) -> String {
        let path = text.prefix(beforeASCII: "?")
        var segments: [Substring] = []
        let parts = path.dropFirst().split(atASCII: "/", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            switch part {
            case "..":
                _ = segments.popLast()
                if isLast { segments.append("") }
            case ".": if isLast { segments.append("") }
            default: segments.append(part)
            }
        }
        return "/" + segments.joined(separator: "/") + text.dropFirst(path.count)
    }
}
