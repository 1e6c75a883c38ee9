import Apus
import ApusProtocols
import FoundationEssentials

/// How a `GlobalDataClient` speaks with its servers.
public nonisolated struct GlobalDataClientOptions: Sendable, Hashable {
    /// What the servers have to know, and this client.
    public var secret: String? {
        get { hidden.text }
        set { hidden.text = newValue }
    }
    /// Seconds until a request fails that was not answered, waiting for a connection included.
    public var timeout = 5.0
    /// Requests to one server that may wait for their answers; more fail at once.
    public var maxRequests = 10_000
    /// Bytes of one answer.
    public var maxMessageBytes = 10 * 1024 * 1024
    private var hidden = Secret()

    /// The defaults of each property.
    public init() {}
}

/// Values that all processes share: see `GlobalDataServer`.
///
///     let data = GlobalDataClient("127.0.0.1:2207")
///     try await data.set("online", 0)
///     try await data.increment("online")
///     try await data.update("users", as: [String].self) { ($0 ?? []) + ["Ann"] }
///
/// Values are anything that is `Codable`, kept as JSON. With several servers each key lives on the one that its check
/// sum says (CRC-32 modulo their number), so that all clients have to name the same ones in the same order. Each call
/// is a way to the server and back; calls that are made at the same time share it. To read a value, change it and write
/// it back loses what others wrote meanwhile: `update` and `increment` do not.
public final class GlobalDataClient {
    private let shards: [any GlobalDataStore]

    /// A client of the servers at these addresses: a `GlobalDataServer` at `host:port` or `unix:/path`; Redis at
    /// `redis://…` or `redis+unix:/path`, where each value is at the key of its name; or NATS with JetStream at
    /// `nats://host[:port][/bucket]` or `tls://…`, where it is in a bucket of the key-value store, "apus" unless the
    /// address says otherwise. It may be made before the workers run, and connects when something is asked for. An
    /// address that is none stops the program.
    ///
    /// Over NATS what expires does so by the clocks of the hosts, and takes room until somebody asks for it.
    public init(_ addresses: String..., options: GlobalDataClientOptions = GlobalDataClientOptions()) {
        precondition(!addresses.isEmpty, "a client needs the address of a server")
        shards = addresses.map { address in
            do throws(ClusterError) {
                if let redis = RedisAddress.address(in: address) { return try RedisDataStore(redis, options) }
                if let nats = NATSAddress(address) { return try NATSDataStore(nats, options) }
                return GlobalDataShard(address, options)
            } catch {
                preconditionFailure("\(error)")
            }
        }
    }

    nonisolated deinit {}

    /// The value of a key; nil when it has none. Throws `ClusterError`, as all of these, and `DecodingError`.
    public func get<Value: Decodable>(_ key: String, as type: Value.Type = Value.self) async throws -> Value? {
        try Self.value(try await shard(of: key).get(key))
    }

    /// Gives a key a value, which is gone after `seconds` if they are given. Null takes it away.
    public func set(_ key: String, _ value: some Encodable, expiresIn seconds: Double? = nil) async throws {
        guard try await set(key, value, seconds, ifMissing: false) else {
            throw ClusterError.refused("the server is full")
        }
    }

    /// Gives a key a value unless it has one; false when it has.
    @discardableResult
    public func add(_ key: String, _ value: some Encodable, expiresIn seconds: Double? = nil) async throws -> Bool {
        try await set(key, value, seconds, ifMissing: true)
    }

    /// Whether a key has a value.
    public func contains(_ key: String) async throws -> Bool {
        try await shard(of: key).get(key) != GlobalDataValues.null
    }

    /// Takes a key its value.
    public func remove(_ key: String) async throws { try await shard(of: key).remove(key) }

    /// Gives a key a value if its value is `old` now; nil stands for none. False when it is another one. The value is
    /// gone after `seconds` if they are given, else when the old one would have been: a lease is taken by
    /// `add(_:_:expiresIn:)` and renewed by setting it to what it is, with its time.
    @discardableResult
    public func compareAndSet<Value: Encodable>(
        _ key: String, from old: Value?, to new: Value, expiresIn seconds: Double? = nil
    ) async throws -> Bool {
        let old = try old.map { try ClusterValue.json($0) } ?? GlobalDataValues.null
        return try await shard(of: key).replace(key, old, try ClusterValue.json(new), seconds: seconds)
    }

    /// Adds to a number, and returns the new one without its fraction; nil when the key has no value, or the server no
    /// room. What is no number counts as 0. Throws `ClusterError.invalidAnswer` when the new one is larger than an
    /// `Int`.
    @discardableResult
    public func increment(_ key: String, by step: Int = 1) async throws -> Int? {
        guard let sum = try await shard(of: key).add(key, "\(step)") else { return nil }
        return try GlobalDataNumber.integer(sum)
    }

    /// Adds to a number that may have a fraction.
    @discardableResult
    public func increment(_ key: String, by step: Double) async throws -> Double? {
        try await shard(of: key).add(key, "\(step)").flatMap { Double($0) }
    }

    /// Changes a value: `change` gets what is there, nil for nothing, and returns what is to be there; nil takes it
    /// away. It is called again when somebody else was quicker, so nothing is lost. Returns what is there then.
    @discardableResult
    public func update<Value: Codable>(
        _ key: String, as type: Value.Type = Value.self, _ change: (Value?) throws -> Value?
    ) async throws -> Value? {
        var failures = 0
        while true {
            let old = try await shard(of: key).get(key)
            let new = try change(try Self.value(old))
            let json = try new.map { try ClusterValue.json($0) } ?? GlobalDataValues.null
            if try await shard(of: key).replace(key, old, json, seconds: nil) { return new }
            failures += 1
            // The more of them there are, the longer each waits.
            if failures > 3 { try await WorkerTimer.sleep(.random(in: 0...min(0.05, 0.001 * Double(failures)))) }
        }
    }

    /// Closes the connections for good. Calls that wait fail.
    public func close() { for shard in shards { shard.close() } }

    // MARK: Requests

    private static func value<Value: Decodable>(_ json: [UInt8]) throws -> Value? {
        json == GlobalDataValues.null ? nil : try JSONDecoder().decode(Value.self, from: Data(json))
    }

    private func shard(of key: String) -> any GlobalDataStore {
        shards.count == 1 ? shards[0] : shards[Int(CRC32.sum(of: key)) % shards.count]
    }

    private func set(
        _ key: String, _ value: some Encodable, _ seconds: Double?, ifMissing: Bool
    ) async throws -> Bool {
        let json = try ClusterValue.json(value)
        return try await shard(of: key).set(key, json, seconds: seconds, ifMissing: ifMissing)
    }
}
