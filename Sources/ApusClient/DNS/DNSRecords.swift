/// Where a service is (RFC 2782).
public nonisolated struct DNSService: Sendable, Hashable {
    /// The host.
    public let host: String
    /// Its port.
    public let port: Int
    /// Lower ones are to be tried first.
    public let priority: Int
    /// How much of the clients, among those with the same priority.
    public let weight: Int
}
