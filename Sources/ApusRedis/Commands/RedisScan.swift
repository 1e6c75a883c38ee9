import ApusProtocols

/// What is found on the way through all keys, or all parts of one, page by page: Redis does other things in between.
///
///     for try await key in redis.scan(matching: "session:*") { print(key) }
///
/// What is there from the beginning to the end of the loop comes at least once, and may come more than once; what is
/// added or removed meanwhile may come or not.
public struct RedisScan<Element: Sendable>: @MainActor AsyncSequence {
    let page: (_ cursor: String) async throws -> RedisValue
    let elements: (RedisValue) throws -> [Element]

    public func makeAsyncIterator() -> Iterator { Iterator(scan: self) }

    /// Asks for one page after the other.
    public struct Iterator: @MainActor AsyncIteratorProtocol {
        let scan: RedisScan
        private var cursor: String? = "0"
        private var page: [Element] = []
        private var index = 0

        init(scan: RedisScan) { self.scan = scan }

        public mutating func next() async throws -> Element? {
            while index == page.count {
                guard let cursor else { return nil }
                let reply = try await scan.page(cursor)
                let parts = try reply.list()
                guard parts.count == 2 else { throw RedisError.unexpectedReply(reply) }
                let next = try parts[0].read(as: String.self)
                self.cursor = next == "0" ? nil : next
                page = try scan.elements(parts[1])
                index = 0
            }
            defer { index += 1 }
            return page[index]
        }
    }
}

/// A field of a hash.
public nonisolated struct RedisField: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Its value.
    public let value: [UInt8]

    /// The value as text. What is no UTF-8 in it is replaced.
    public var string: String { String(decoding: value, as: UTF8.self) }
}

extension RedisCommands {
    private func words(_ pattern: String?, _ pageSize: Int?) -> [any RedisArgument] {
        var words: [any RedisArgument] = []
        if let pattern { words += ["MATCH", pattern] }
        if let pageSize { words += ["COUNT", pageSize] as [any RedisArgument] }
        return words
    }

    /// All keys, or those that match a pattern and have values of a kind, as `type(of:)` calls it. Redis looks at
    /// about `pageSize` keys at a time.
    public func scan(
        matching pattern: String? = nil, type: String? = nil, pageSize: Int? = nil
    ) -> RedisScan<String> {
        let words = words(pattern, pageSize) + (type.map { ["TYPE", $0] } ?? [])
        return RedisScan(
            page: { try await self.command("SCAN", arguments: [$0] + words) },
            elements: { try $0.list().map { (key) throws(RedisError) in try key.read() } })
    }

    /// All members of a set, or those that match a pattern.
    public func sScan<Value: RedisReadable & Sendable>(
        _ key: String, matching pattern: String? = nil, pageSize: Int? = nil, as type: Value.Type = [UInt8].self
    ) -> RedisScan<Value> {
        let words = words(pattern, pageSize)
        return RedisScan(
            page: { try await self.command("SSCAN", arguments: [key, $0] + words) },
            elements: { try $0.list().map { (member) throws(RedisError) in try member.read() } })
    }

    /// All fields of a hash, or those whose names match a pattern.
    public func hScan(
        _ key: String, matching pattern: String? = nil, pageSize: Int? = nil
    ) -> RedisScan<RedisField> {
        let words = words(pattern, pageSize)
        return RedisScan(
            page: { try await self.command("HSCAN", arguments: [key, $0] + words) },
            elements: { try $0.pairs().map { RedisField(name: try $0.0.read(), value: try $0.1.read()) } })
    }

    /// All members of a sorted set with their scores, or those that match a pattern.
    public func zScan(
        _ key: String, matching pattern: String? = nil, pageSize: Int? = nil
    ) -> RedisScan<RedisScored> {
        let words = words(pattern, pageSize)
        return RedisScan(
            page: { try await self.command("ZSCAN", arguments: [key, $0] + words) },
            elements: { try $0.pairs().map { RedisScored(member: try $0.0.read(), score: try $0.1.read()) } })
    }
}
