import Apus
import ApusProtocols

/// How much a `GlobalDataServer` keeps, and for whom.
public nonisolated struct GlobalDataServerOptions: Sendable, Hashable {
    /// What clients have to know; nil lets everybody in who reaches the port.
    public var secret: String? {
        get { hidden.text }
        set { hidden.text = newValue }
    }
    /// Bytes that all keys and values may have together; what would take more is refused.
    public var maxBytes = 1024 * 1024 * 1024
    /// Bytes of one request.
    public var maxMessageBytes = 10 * 1024 * 1024
    private var hidden = Secret()

    /// The defaults of each property.
    public init() {}
}

/// Keeps values for processes, on one host or several: the server of `GlobalDataClient`.
///
///     let data = GlobalDataServer()   // 127.0.0.1:2207
///     Worker.runAll()
///
/// It is a worker of one process that is not reloaded: values are in its memory, and are gone when it ends.
public final class GlobalDataServer {
    /// The worker that serves: name, user and limits can be set before `Worker.runAll()`.
    public let worker: Worker<Frame>
    private let gate: ClusterGate
    private var values: GlobalDataValues

    /// A server on `host:port` or `unix:/path`. The port is open to all who reach it, unless there is a secret: bind it
    /// to an address that only the cluster reaches.
    public init(_ address: String = "127.0.0.1:2207", options: GlobalDataServerOptions = GlobalDataServerOptions()) {
        gate = ClusterGate(ClusterSecret(options.secret))
        values = GlobalDataValues(maxBytes: options.maxBytes)
        worker = Worker(.frame, on: address)
        worker.name = "globalDataServer"
        worker.isReloadable = false
        worker.limits.maxPackageSize = options.maxMessageBytes
        worker.limits.maxSendBufferSize = .max
        worker.onWorkerStart = { [self] _ in WorkerTimer.every(1) { [unowned self] _ in values.removeExpired() } }
        worker.onConnect = { [self] in gate.greet($0) }
        worker.onMessage = { [self] in try received($1, $0) }
        worker.errorHandler = { connection, error in
            let reason = (error as? ClusterMessage.Failure)?.reason ?? "\(error)"
            Worker.log("GlobalDataServer: client \(connection.remoteAddress): \(reason)")
            connection.close(Array("error: \(reason)".utf8))
        }
    }

    nonisolated deinit {}

    private func received(_ bytes: [UInt8], _ connection: Connection<Frame>) throws {
        guard try gate.admits(bytes, connection), !bytes.isEmpty, bytes != Array("ping".utf8) else { return }
        connection.send(try answer(to: ClusterMessage(bytes)))
        // One who asks and does not read is read from no more.
        guard connection.pendingSendBytes > 1 << 20 else { return }
        connection.pauseReading()
        connection.onBufferDrain = { $0.resumeReading() }
    }

    private func answer(to request: ClusterMessage) throws -> [UInt8] {
        guard let key = request.string("key") else { throw ClusterMessage.Failure(reason: "a request has no key") }
        let now = EventLoop.current.now
        let isTrue = { (answer: Bool) in Array((answer ? "true" : "false").utf8) }
        switch request.string("cmd") {
        case "get": return values[key, now] ?? GlobalDataValues.null
        case "set": return isTrue(values.set(key, try value(request), expiry(request, now)))
        case "delete":
            values.remove(key)
            return isTrue(true)
        case "add":
            guard values[key, now] == nil else { return isTrue(false) }
            return isTrue(values.set(key, try value(request), expiry(request, now)))
        case "cas":
            guard let old = request.string("md5") else { throw ClusterMessage.Failure(reason: "a cas has no md5") }
            guard MD5.hex(values[key, now] ?? GlobalDataValues.null) == old else { return isTrue(false) }
            return isTrue(values.set(key, try value(request), expiry(request, now) ?? values.expiry(of: key)))
        case "increment":
            guard let step = request.json("step") else { return values.add(to: key, Array("1".utf8), now) }
            return values.add(to: key, step, now)
        case let command: throw ClusterMessage.Failure(reason: "«\(command ?? "nothing")» is no command")
        }
    }

    private func value(_ request: ClusterMessage) throws -> [UInt8] {
        guard let value = request.json("value") else { throw ClusterMessage.Failure(reason: "a request has no value") }
        return value
    }

    private func expiry(_ request: ClusterMessage, _ now: Int64) -> Int64? {
        request.fraction("ttl").map { now + Int64(min(max(0, $0), 3e9) * 1e9) }
    }
}

/// Values by their keys, as JSON. Null is the same as nothing.
struct GlobalDataValues {
    static let null = Array("null".utf8)

    private struct Value {
        var json: [UInt8]
        /// Monotonic nanoseconds; nil for ever.
        var expiry: Int64?
    }

    private let maxBytes: Int
    private var values: [String: Value] = [:]
    private var heldBytes = 0

    init(maxBytes: Int) { self.maxBytes = maxBytes }

    subscript(key: String, now: Int64) -> [UInt8]? {
        guard let value = values[key], value.expiry.map({ $0 > now }) ?? true else { return nil }
        return value.json
    }

    func expiry(of key: String) -> Int64? { values[key]?.expiry }

    /// False when there is no room for it.
    mutating func set(_ key: String, _ json: [UInt8], _ expiry: Int64?) -> Bool {
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

    mutating func remove(_ key: String) {
        guard let value = values.removeValue(forKey: key) else { return }
        heldBytes -= key.utf8.count + value.json.count
    }

    /// The new number; false when there is none, or it would be none.
    mutating func add(to key: String, _ step: [UInt8], _ now: Int64) -> [UInt8] {
        guard let old = self[key, now], let sum = Self.sum(old, step) else { return Array("false".utf8) }
        _ = set(key, sum, values[key]?.expiry)
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

    mutating func removeExpired() {
        let now = EventLoop.current.now
        for (key, value) in values where value.expiry.map({ $0 <= now }) ?? false { remove(key) }
    }
}
