import ApusProtocols

/// Values by their keys, as JSON. Null is the same as nothing. Times are monotonic nanoseconds.
nonisolated struct GlobalDataValues {
    static let null = Array("null".utf8)

    private struct Value {
        var json: [UInt8]
        /// Nil for ever.
        var expiry: Int64?
    }

    private let maxBytes: Int
    private var values: [String: Value] = [:]
    /// Bytes of all keys and values, expired ones that were not removed yet included.
    private(set) var heldBytes = 0

    init(maxBytes: Int) { self.maxBytes = maxBytes }

    // MARK: Requests

    /// The answer to a request, which is JSON. Throws for what is no request.
    mutating func answer(to request: ClusterMessage, _ now: Int64) throws(ClusterMessage.Failure) -> [UInt8] {
        guard let key = request.string("key") else { throw ClusterMessage.Failure(reason: "a request has no key") }
        switch request.string("cmd") {
        case "get": return self[key, now] ?? Self.null
        case "set": return Self.bool(set(key, try Self.value(request), Self.expiry(request, now)))
        case "delete":
            remove(key)
            return Self.bool(true)
        case "add":
            guard self[key, now] == nil else { return Self.bool(false) }
            return Self.bool(set(key, try Self.value(request), Self.expiry(request, now)))
        case "cas":
            guard let old = request.string("md5") else { throw ClusterMessage.Failure(reason: "a cas has no md5") }
            guard MD5.hex(self[key, now] ?? Self.null) == old else { return Self.bool(false) }
            return Self.bool(set(key, try Self.value(request), Self.expiry(request, now) ?? expiry(of: key, now)))
        case "increment": return add(to: key, request.json("step") ?? Array("1".utf8), now) ?? Self.bool(false)
        case let command: throw ClusterMessage.Failure(reason: "«\(command ?? "nothing")» is no command")
        }
    }

    private static func bool(_ answer: Bool) -> [UInt8] { Array((answer ? "true" : "false").utf8) }

    private static func value(_ request: ClusterMessage) throws(ClusterMessage.Failure) -> [UInt8] {
        guard let value = request.json("value") else { throw ClusterMessage.Failure(reason: "a request has no value") }
        return value
    }

    private static func expiry(_ request: ClusterMessage, _ now: Int64) -> Int64? {
        request.fraction("ttl").map { now + Int64(min(max(0, $0), 3e9) * 1e9) }
    }

    // MARK: Values

    private subscript(key: String, now: Int64) -> [UInt8]? { value(of: key, now)?.json }

    /// Of a value that has not expired.
    private func expiry(of key: String, _ now: Int64) -> Int64? { value(of: key, now)?.expiry }

    private func value(of key: String, _ now: Int64) -> Value? {
        values[key].flatMap { value in value.expiry.map { $0 > now } ?? true ? value : nil }
    }

    /// False when there is no room for it.
    private mutating func set(_ key: String, _ json: [UInt8], _ expiry: Int64?) -> Bool {
        guard json != Self.null else {
            remove(key)
            return true
        }
        let grown = json.count - (values[key].map(\.json.count) ?? -key.utf8.count)
        guard grown <= 0 || heldBytes + grown <= maxBytes else { return false }
        heldBytes += grown
        values[key] = Value(json: json, expiry: expiry)
        return true
    }

    private mutating func remove(_ key: String) {
        guard let value = values.removeValue(forKey: key) else { return }
        heldBytes -= key.utf8.count + value.json.count
    }

    /// The new number; nil when there is none, it would be none, or there is no room for it.
    private mutating func add(to key: String, _ step: [UInt8], _ now: Int64) -> [UInt8]? {
        guard let old = self[key, now], let sum = Self.sum(old, step), set(key, sum, expiry(of: key, now)) else {
            return nil
        }
        return sum
    }

    /// What is no number counts as 0; nil when the sum would be no number.
    static func sum(_ old: [UInt8], _ step: [UInt8]) -> [UInt8]? {
        let old = String(decoding: old, as: UTF8.self)
        let step = String(decoding: step, as: UTF8.self)
        if let a = Int(old) ?? (Double(old) == nil ? 0 : nil), let b = Int(step) {
            let (number, isTooLarge) = a.addingReportingOverflow(b)
            return isTooLarge ? nil : Array("\(number)".utf8)
        }
        let number = (Double(old) ?? 0) + (Double(step) ?? .nan)
        return number.isFinite ? Array("\(number)".utf8) : nil
    }

    mutating func removeExpired(_ now: Int64) {
        for (key, value) in values where value.expiry.map({ $0 <= now }) ?? false { remove(key) }
    }
}
