import Apus
import ApusProtocols

/// The cookies that servers have given to a client (RFC 6265 §5.3).
final class HTTPCookieStore {
    private struct Cookie {
        let name: String
        let value: String
        let domain: String
        /// Sent to hosts of the domain, too, not to that host alone.
        let includesSubdomains: Bool
        let path: String
        let isSecure: Bool
        /// Seconds since 1970; nil as long as the client lives.
        let end: Int64?
    }

    /// RFC 6265 §6.1: at least so many of one domain, and of all.
    private static let mostOfDomain = 50
    private static let most = 3000

    private var cookies: [Cookie] = []

    nonisolated deinit {}

    private var now: HTTPTime { .now }

    /// Takes in what a response brings.
    func take(_ headers: HTTPHeaders, from url: HTTPURL) {
        for field in headers.values("Set-Cookie") { take(field, from: url) }
    }

    private func take(_ field: String, from url: HTTPURL) {
        let now = now
        guard let cookie = ReceivedCookie(field, now: now) else { return }
        // RFC 6265 §5.3: nobody sets cookies for others. A name without a dot, as a whole country has, is nobody's.
        if let domain = cookie.domain, domain != url.host {
            guard domain.contains("."), url.host.hasSuffix("." + domain), !Self.isAddress(url.host) else { return }
        }
        guard !cookie.isSecure || url.isSecured else { return }
        let domain = cookie.domain ?? url.host
        let path = cookie.path ?? ReceivedCookie.defaultPath(of: url.target)
        guard keepsPromise(cookie), !shadowsSecureOne(cookie.name, domain, path, url) else { return }
        cookies.removeAll { $0.name == cookie.name && $0.domain == domain && $0.path == path }
        let end = cookie.end(now: now)
        if let end, end <= now.seconds { return }
        cookies.append(
            Cookie(
                name: cookie.name, value: cookie.value, domain: domain, includesSubdomains: cookie.domain != nil,
                path: path, isSecure: cookie.isSecure, end: end))
        makeRoom(in: domain)
    }

    /// RFC 6265bis §4.1.3: what a name that begins so says of its cookie, in any case.
    private func keepsPromise(_ cookie: ReceivedCookie) -> Bool {
        let name = cookie.name.lowercased()
        if name.hasPrefix("__secure-") { return cookie.isSecure }
        if name.hasPrefix("__host-") { return cookie.isSecure && cookie.domain == nil && cookie.path == "/" }
        return true
    }

    /// RFC 6265bis §5.7: who stands between client and server, and can answer for it over plain HTTP, must not put a
    /// cookie of his own in the place, or before the eyes, of one that is for TLS alone.
    private func shadowsSecureOne(_ name: String, _ domain: String, _ path: String, _ url: HTTPURL) -> Bool {
        guard !url.isSecured else { return false }
        return cookies.contains { cookie in
            cookie.isSecure && cookie.name == name
                && (cookie.domain == domain || cookie.domain.hasSuffix("." + domain)
                    || domain.hasSuffix("." + cookie.domain))
                && ReceivedCookie.path(cookie.path, matches: path[...])
        }
    }

    private func makeRoom(in domain: String) {
        if cookies.count(where: { $0.domain == domain }) > Self.mostOfDomain { removeOldest { $0.domain == domain } }
        if cookies.count > Self.most { removeOldest { _ in true } }
    }

    /// RFC 6265bis §5.7: those that anybody can set go first, lest they drive out the others.
    private func removeOldest(_ isMeant: (Cookie) -> Bool) {
        let oldest =
            cookies.firstIndex { isMeant($0) && !$0.isSecure } ?? cookies.firstIndex(where: isMeant)
        if let oldest { cookies.remove(at: oldest) }
    }

    /// What the `Cookie` field of a request says; nil for nothing. Longer paths come first (RFC 6265 §5.4).
    func field(for url: HTTPURL) -> String? {
        guard !cookies.isEmpty else { return nil }
        let seconds = now.seconds
        cookies.removeAll { $0.end.map { $0 <= seconds } ?? false }
        let path = url.target.prefix(beforeASCII: "?")
        let found = cookies.filter {
            ($0.domain == url.host || $0.includesSubdomains && url.host.hasSuffix("." + $0.domain))
                && (!$0.isSecure || url.isSecured) && ReceivedCookie.path($0.path, matches: path)
        }
        guard !found.isEmpty else { return nil }
        return found.enumerated().sorted { ($1.element.path.count, $0.offset) < ($0.element.path.count, $1.offset) }
            .map { "\($0.element.name)=\($0.element.value)" }.joined(separator: "; ")
    }

    private static func isAddress(_ host: String) -> Bool {
        host.contains(":") || host.utf8.allSatisfy { $0 == UInt8(ascii: ".") || (0x30...0x39).contains($0) }
    }
}
