public import Apus

/// How long sessions live, and the cookie that carries their id.
public nonisolated struct SessionOptions: Sendable, Hashable {
    /// The name of the cookie. Browsers take one that begins with `__Host-` only with `isSecure`, path "/" and no
    /// `domain`, and no other host can then plant it.
    public var cookieName = "SID"
    /// Seconds that a session is kept after it was last saved; with `extendsOnUse` last used.
    public var lifetime = 1440
    /// Seconds that the client keeps the cookie; nil until it is closed. Sent again whenever the session is kept for
    /// longer, so that both end together.
    public var cookieLifetime: Int? = 1440
    /// Paths below which the cookie is sent.
    public var path = "/"
    /// The host below which the cookie is sent; nil for the answering one alone.
    public var domain: String?
    /// The cookie is sent over TLS only. Set it wherever clients come over TLS: a server behind a proxy that ends TLS
    /// cannot see that, so nothing is guessed.
    public var isSecure = false
    /// The cookie is hidden from scripts.
    public var isHTTPOnly = true
    /// Whether requests that other sites cause carry the cookie.
    public var sameSite: SetCookie.SameSite? = .lax
    /// Keeps a session for its whole lifetime after each request that looked at it, also when nothing changed. That is
    /// a write for each of them.
    public var extendsOnUse = false

    /// The defaults of each property.
    public init(lifetime: Int = 1440, isSecure: Bool = false) {
        self.lifetime = lifetime
        cookieLifetime = lifetime
        self.isSecure = isSecure
    }

    /// The cookie for a session; without an id the one that removes it.
    func cookie(_ id: String?) -> SetCookie {
        SetCookie(
            cookieName, id ?? "", maxAge: id == nil ? 0 : cookieLifetime, path: path, domain: domain,
            isSecure: isSecure, isHTTPOnly: isHTTPOnly, sameSite: sameSite)
    }
}
