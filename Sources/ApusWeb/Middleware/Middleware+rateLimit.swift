public import Apus
import CApus

extension Middleware {
    /// Answers 429, with `Retry-After`, to clients that send more than `requests` in `seconds`. A client that was
    /// quiet may send `burst` at once, as many as `requests` unless given. What is refused does not count.
    ///
    /// It counts in its process: a service of several lets a client that is connected to all of them send as many times
    /// more. `key` says who is a client; nil is not limited. Without it that is the address, or the first 64 bits of an
    /// IPv6 one, which one customer has alone; the clients of a Unix socket count as one. Behind a proxy see
    /// `trustedProxies`.
    ///
    /// Some 65,000 clients are remembered at most, those that were seen last.
    public static func rateLimit(
        requests: Int, per seconds: Double = 1, burst: Int? = nil,
        key: (@MainActor (HTTPRequest) -> String?)? = nil
    ) -> Middleware {
        let limiter = RateLimiter(requests: requests, per: seconds, burst: burst ?? requests) { EventLoop.current.now }
        return rateLimit(limiter, key: key ?? { ClientNetwork.name(of: $0.connection.remoteIP) })
    }

    static func rateLimit(_ limiter: RateLimiter, key: @escaping @MainActor (HTTPRequest) -> String?) -> Middleware {
        Middleware(before: { request in
            guard let client = key(request), let seconds = limiter.take(client) else { return nil }
            throw HTTPError(.tooManyRequests, headers: ["Retry-After": "\(seconds)"])
        })
    }
}

/// Which addresses belong to one client.
enum ClientNetwork {
    /// An IPv4 address, or the first 64 bits of an IPv6 one.
    static func name(of address: String) -> String {
        var parsed = capus_address()
        guard address.contains(":"), capus_address_parse(address, 0, &parsed), parsed.family == 6 else {
            return address
        }
        return withUnsafeBytes(of: parsed.ip) { $0.prefix(8).map { String($0, radix: 16) }.joined(separator: ":") }
    }
}
