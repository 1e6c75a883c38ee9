/// Where a `DNSResolver` asks, and how long it waits.
public nonisolated struct DNSOptions: Sendable, Hashable {
    /// Name servers, `ip` or `ip:port` (IPv6 in brackets); those of `/etc/resolv.conf` unless set.
    public var servers: [String] = []
    /// Seconds until a server is asked again, or the next one: longer with each attempt.
    public var timeout = 5.0
    /// How often each server is asked.
    public var attempts = 2
    /// Names without a dot are looked for in these domains; those of `/etc/resolv.conf` unless set.
    public var searchDomains: [String]?
    /// Whether names that `/etc/hosts` knows are not asked for.
    public var usesHostsFile = true
    /// Seconds that an answer is remembered at most, whatever it says itself; 0 remembers none.
    public var maxCacheTime = 3600.0
    /// Names that are remembered; with more, those whose time has passed are forgotten, or all where there are none.
    public var maxCacheNames = 10_000

    /// The defaults of each property.
    public init() {}
}
