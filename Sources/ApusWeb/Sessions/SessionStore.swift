/// Where sessions are kept between requests. To keep them elsewhere, conform to this: an entry is bytes under an id,
/// and is gone when its lifetime has passed.
///
/// Ids are 16 to 256 of `A–Z`, `a–z`, `0–9`, `,` and `-`; no other ones come from clients. All workers of a service
/// have to see the same entries. What a method throws fails the request. Methods run on the event loop and must not
/// block it.
public protocol SessionStore {
    /// The entry; nil when there is none, or its time has passed. Only ids that a store knows are taken from clients.
    func read(_ id: String) async throws -> [UInt8]?

    /// Keeps an entry for `lifetime` seconds from now. One that is not new is only replaced: what has gone meanwhile,
    /// because another request of the same user has logged out, must not come back. False when it had gone.
    func write(_ id: String, _ data: [UInt8], lifetime: Int, isNew: Bool) async throws -> Bool

    /// Keeps an entry that is there for `lifetime` seconds from now. False when there is none.
    func touch(_ id: String, lifetime: Int) async throws -> Bool

    /// Removes an entry, if there is one.
    func remove(_ id: String) async throws
}

extension SessionStore {
    /// Reads the entry and writes it again; implement it where there is a better way.
    public func touch(_ id: String, lifetime: Int) async throws -> Bool {
        guard let data = try await read(id) else { return false }
        return try await write(id, data, lifetime: lifetime, isNew: false)
    }
}
