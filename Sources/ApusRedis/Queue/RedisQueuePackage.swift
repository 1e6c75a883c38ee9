import FoundationEssentials

/// A message as it is kept in Redis, in JSON; the form that redis-queue of PHP has.
public nonisolated struct RedisQueuePackage<Payload: Codable & Sendable>: Codable, Sendable {
    /// Decimal digits; no other message of the same second should have the same.
    public var id: String
    /// When it was sent, in seconds since 1970.
    public var time: Double
    /// Seconds that it was to wait first.
    public var delay: Double
    /// How often a handler has failed.
    public var attempts: Int
    /// The name of its queue.
    public var queue: String
    /// What was sent.
    public var data: Payload
    /// How often this one is tried again; as `RedisQueueOptions.maxAttempts` says unless set.
    public var maxAttempts: Int?
    /// What the last handler has failed with.
    public var error: String?

    private enum CodingKeys: String, CodingKey {
        case id, time, delay, attempts, queue, data, error
        case maxAttempts = "max_attempts"
    }

    init(queue: String, data: Payload, delay: Double, now: Double) {
        let second = Int(now)
        id = "\(second)\(Int.random(in: 0...Int(Int32.max)))"
        time = Double(second)
        self.delay = delay
        attempts = 0
        self.queue = queue
        self.data = data
    }

    /// Reads one; what other programs have written may have an id that is a number.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        id = try (try? values.decode(String.self, forKey: .id)) ?? String(values.decode(Int.self, forKey: .id))
        time = try values.decode(Double.self, forKey: .time)
        delay = try values.decodeIfPresent(Double.self, forKey: .delay) ?? 0
        attempts = try values.decodeIfPresent(Int.self, forKey: .attempts) ?? 0
        queue = try values.decode(String.self, forKey: .queue)
        data = try values.decode(Payload.self, forKey: .data)
        maxAttempts = try values.decodeIfPresent(Int.self, forKey: .maxAttempts)
        error = try values.decodeIfPresent(String.self, forKey: .error)
    }

    init(json: [UInt8]) throws { self = try JSONDecoder().decode(Self.self, from: Data(json)) }

    var json: [UInt8] {
        get throws { [UInt8](try JSONEncoder().encode(self)) }
    }
}
