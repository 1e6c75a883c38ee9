import Apus
import ApusNATS
import ApusProtocols
import FoundationEssentials

/// Keeps values in a bucket of NATS' key-value store: a stream that holds the last message of each subject. Whoever
/// changes a value says which message he has seen, so that nobody's change is lost.
final class NATSDataStore: GlobalDataStore {
    /// A header with the time from which on a value is none, in milliseconds since 1970.
    private static let expiry = "Apus-Expires"
    private static let operation = "KV-Operation"
    private static let expected = "Nats-Expected-Last-Subject-Sequence"
    /// Attempts behind which those who change the same value make pauses.
    private static let patience = 3

    /// What is known of a key.
    private struct Value {
        /// Null when there is none.
        var json = GlobalDataValues.null
        /// The number of the message that says so; 0 when none does.
        var revision = 0
        /// As the header has it.
        var expiry: String?
    }

    private let nats: NATSClient
    private let jetStream: JetStream
    private let bucket: String
    private let ready: Preparation

    init(_ address: NATSAddress, _ options: GlobalDataClientOptions) throws(ClusterError) {
        bucket = address.bucket
        guard NATSSubject.isValid(bucket), !bucket.contains(where: { ".*>/\\".contains($0) }) else {
            throw .invalidAddress("«\(bucket)» cannot be the name of a bucket")
        }
        var natsOptions = NATSOptions()
        natsOptions.token = options.secret
        natsOptions.timeout = options.timeout
        // Values come in base 64, within JSON.
        natsOptions.maxMessageBytes = min(options.maxMessageBytes, 1 << 40) / 3 * 4 + 64 * 1024
        do throws(NATSError) {
            nats = try NATSClient(address.server, options: natsOptions)
        } catch {
            throw ClusterError(error)
        }
        let jetStream = JetStream(nats, timeout: options.timeout)
        self.jetStream = jetStream
        ready = Preparation { [bucket] done in
            jetStream.makeStream(
                "KV_\(bucket)",
                """
                {"name":"KV_\(bucket)","subjects":["$KV.\(bucket).>"],"max_msgs_per_subject":1,"discard":"new",\
                "allow_rollup_hdrs":true,"deny_delete":true,"allow_direct":true,"storage":"file"}
                """, done)
        }
        // The server may come back without what it had.
        nats.onDisconnect = { [ready] _ in ready.forget() }
    }

    nonisolated deinit {}

    func close() { nats.close() }

    private func subject(_ key: String) -> String { "$KV.\(bucket).\(NATSSubject.encoded(key))" }

    // MARK: The operations

    func get(_ key: String) async throws -> [UInt8] { try await ask { try await read(key).json } }

    func set(_ key: String, _ json: [UInt8], seconds: Double?, ifMissing: Bool) async throws -> Bool {
        try await ask {
            let expiry = seconds.map(Self.expiry(after:))
            guard ifMissing else {
                if json == GlobalDataValues.null { return try await erase(key, revision: nil) }
                try await write(key, json, expiry: expiry, revision: nil)
                return true
            }
            return try await change(key) { $0.json == GlobalDataValues.null ? Value(json: json, expiry: expiry) : nil }
                != nil
        }
    }

    func remove(_ key: String) async throws { try await ask { _ = try await erase(key, revision: nil) } }

    func replace(_ key: String, _ old: [UInt8], _ new: [UInt8], seconds: Double?) async throws -> Bool {
        try await ask {
            let expiry = seconds.map(Self.expiry(after:))
            return try await change(key) { $0.json == old ? Value(json: new, expiry: expiry ?? $0.expiry) : nil }
                != nil
        }
    }

    /// When what is set now is gone.
    private static func expiry(after seconds: Double) -> String {
        "\(now + Int(min(max(0, seconds), 3e9) * 1000))"
    }

    func add(_ key: String, _ step: String) async throws -> String? {
        try await ask {
            let changed = try await change(key) { value in
                guard value.json != GlobalDataValues.null,
                    let sum = GlobalDataValues.sum(value.json, Array(step.utf8))
                else { return nil }
                return Value(json: sum, expiry: value.expiry)
            }
            return changed.map { String(decoding: $0.json, as: UTF8.self) }
        }
    }

    /// Changes a value unless `body` returns nil, again until nobody else was quicker.
    private func change(_ key: String, _ body: (Value) -> Value?) async throws -> Value? {
        var failures = 0
        while true {
            let old = try await read(key)
            guard let new = body(old) else { return nil }
            // Nothing remains nothing.
            if new.json == GlobalDataValues.null, old.revision == 0 { return new }
            let isWritten =
                new.json == GlobalDataValues.null
                ? try await erase(key, revision: old.revision)
                : try await write(key, new.json, expiry: new.expiry, revision: old.revision)
            if isWritten { return new }
            failures += 1
            if failures > Self.patience {
                try await WorkerTimer.sleep(.random(in: 0...min(0.05, 0.001 * Double(failures))))
            }
        }
    }

    // MARK: Messages

    private func ask<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            try await PendingResult<Void>.wait { ready.whenReady($0) }
            return try await body()
        } catch {
            let error = JetStream.clusterError(error)
            switch error {
            // Somebody may have deleted it.
            case .refused, .unavailable: ready.forget()
            default: break
            }
            throw error
        }
    }

    /// From the server that leads: others may not know the last one yet.
    private func read(_ key: String) async throws -> Value {
        var request = ClusterMessageWriter()
        request.add("last_by_subj", subject(key))
        do {
            let answer = try await jetStream.ask("STREAM.MSG.GET.KV_\(bucket)", request.message)
            guard let message = try answer.json("message").map({ try ClusterMessage($0) }),
                let revision = message.number("seq"), JetStream.sequences.contains(revision)
            else { throw ClusterError.invalidAnswer("a message of the bucket is none") }
            let headers = try Self.headers(message)
            let expiry = headers[Self.expiry]
            var value = Value(revision: revision, expiry: expiry)
            if let expiry, Int(expiry) ?? .max <= Self.now {
                // It is over, and takes room as long as nobody looks.
                value.expiry = nil
                purge(key, revision)
            } else if headers[Self.operation] == nil {
                value.json = Self.decoded(message.string("data") ?? "")
            }
            return value
        } catch let refusal as JetStream.Refusal where refusal.code == JetStream.Refusal.noMessage {
            return Value()
        } catch let failure as ClusterMessage.Failure {
            throw ClusterError.invalidAnswer(failure.reason)
        }
    }

    private static func decoded(_ base64: String) -> [UInt8] { Data(base64Encoded: base64).map { Array($0) } ?? [] }

    private static func headers(_ message: ClusterMessage) throws -> NATSHeaders {
        guard let text = message.string("hdrs"), let headers = NATSHeaders(block: decoded(text)) else { return [:] }
        return headers
    }

    /// False when another message is the last one by now.
    @discardableResult
    private func write(_ key: String, _ json: [UInt8], expiry: String?, revision: Int?) async throws -> Bool {
        var headers: NATSHeaders = [:]
        headers[Self.expiry] = expiry
        return try await store(key, json, headers, revision) != nil
    }

    /// The number of the message; nil when another one is the last by now.
    private func store(
        _ key: String, _ json: [UInt8], _ headers: NATSHeaders, _ revision: Int?
    ) async throws -> Int? {
        var headers = headers
        headers[Self.expected] = revision.map { "\($0)" }
        do {
            return try await jetStream.store(subject(key), json, headers: headers)
        } catch let refusal as JetStream.Refusal where refusal.code == JetStream.Refusal.wrongSequence {
            return nil
        }
    }

    /// Says that there is no value, which is what readers go by, and then takes that away, too.
    private func erase(_ key: String, revision: Int?) async throws -> Bool {
        guard let number = try await store(key, [], [Self.operation: "DEL"], revision) else { return false }
        purge(key, number)
        return true
    }

    /// Deletes what is known of a key up to a message. Later ones stay.
    private func purge(_ key: String, _ revision: Int) {
        var request = ClusterMessageWriter()
        request.add("filter", subject(key))
        request.add("seq", revision + 1)
        // What fails leaves a few bytes behind.
        try? nats.publish("$JS.API.STREAM.PURGE.KV_\(bucket)", request.message)
    }

    private static var now: Int { Int(Date().timeIntervalSince1970 * 1000) }
}
