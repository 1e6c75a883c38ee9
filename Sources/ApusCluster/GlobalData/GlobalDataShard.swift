import Apus
import ApusProtocols

/// The connection to one server of `GlobalDataClient`. Requests are answered in their order.
final class GlobalDataShard {
    private final class Request {
        let bytes: [UInt8]
        /// Monotonic nanoseconds.
        let deadline: Int64
        private var continuation: UnsafeContinuation<Result<[UInt8], ClusterError>, Never>?

        init(
            _ bytes: [UInt8], _ deadline: Int64,
            _ continuation: UnsafeContinuation<Result<[UInt8], ClusterError>, Never>
        ) {
            self.bytes = bytes
            self.deadline = deadline
            self.continuation = continuation
        }

        nonisolated deinit {}

        func finish(_ result: Result<[UInt8], ClusterError>) { continuation.take()?.resume(returning: result) }
    }

    private let link: ClusterLink
    private let options: GlobalDataClientOptions
    private var waiting = FIFO<Request>()
    private var sent = FIFO<Request>()
    private var timer: WorkerTimer?
    private var reason = "the connection was not made yet"
    private var isClosed = false

    init(_ address: String, _ options: GlobalDataClientOptions) {
        self.options = options
        link = ClusterLink(
            [address], secret: ClusterSecret(options.secret), heartbeat: Array("ping".utf8),
            maxMessageBytes: options.maxMessageBytes, maxUnsentBytes: .max)
        link.onReady = { [unowned self] in flush() }
        link.onMessage = { [unowned self] in try received($0) }
        link.onDown = { [unowned self] in down($0, $1) }
    }

    nonisolated deinit {}

    /// Sends a request and waits for its answer, which is JSON.
    func ask(_ bytes: [UInt8]) async throws -> [UInt8] {
        try Task.checkCancellation()
        // Looked at where it is counted: a task may be suspended on its way there, and others come first.
        let result = await withUnsafeContinuation {
            (continuation: UnsafeContinuation<Result<[UInt8], ClusterError>, Never>) in
            guard !isClosed else { return continuation.resume(returning: .failure(.closed)) }
            guard waiting.count + sent.count < options.maxRequests else {
                return continuation.resume(returning: .failure(.tooManyRequests(options.maxRequests)))
            }
            link.open()
            let deadline = EventLoop.current.now + Int64(options.timeout * 1e9)
            let request = Request(bytes, deadline, continuation)
            if link.isReady, waiting.isEmpty {
                sent.append(request)
                link.send(bytes)
            } else {
                waiting.append(request)
            }
            setTimer()
        }
        return try result.get()
    }

    func close() {
        isClosed = true
        link.close()
        timer?.cancel()
        timer = nil
        for request in sent.takeAll() { request.finish(.failure(.connectionLost("the client was closed"))) }
        for request in waiting.takeAll() { request.finish(.failure(.closed)) }
    }

    private func flush() {
        for request in waiting.takeAll() {
            sent.append(request)
            link.send(request.bytes)
        }
    }

    private func received(_ bytes: [UInt8]) throws {
        guard let request = sent.first else { throw ClusterMessage.Failure(reason: "an answer to nothing") }
        let isJSON = bytes.withUnsafeBytes { (try? JSONScanner.check($0)) != nil }
        guard isJSON else {
            throw ClusterMessage.Failure(reason: String(decoding: bytes.prefix(200), as: UTF8.self))
        }
        _ = sent.popFirst()
        request.finish(.success(bytes))
    }

    private func down(_ reason: String, _ wasReady: Bool) {
        self.reason = reason
        for request in sent.takeAll() { request.finish(.failure(.connectionLost(reason))) }
    }

    // MARK: Time-outs

    /// All may take the same time: the first ones are due first.
    private func setTimer() {
        guard timer == nil, let due = [sent.first?.deadline, waiting.first?.deadline].compactMap(\.self).min() else {
            return
        }
        let seconds = Double(due - EventLoop.current.now) / 1e9
        timer = WorkerTimer.after(max(0.001, seconds)) { [weak self] _ in self?.timeOut() }
    }

    private func timeOut() {
        timer = nil
        let now = EventLoop.current.now
        if let first = sent.first, first.deadline <= now {
            // The answers of all others would stand behind this one.
            while let request = sent.first, request.deadline <= now {
                _ = sent.popFirst()
                request.finish(.failure(.timedOut(options.timeout)))
            }
            link.reset("a request was not answered in \(options.timeout) seconds")
        }
        while let request = waiting.first, request.deadline <= now {
            _ = waiting.popFirst()
            request.finish(.failure(.unavailable(reason)))
        }
        setTimer()
    }
}

/// A request names a command and a key, an answer is the value itself.
extension GlobalDataShard: GlobalDataStore {
    func get(_ key: String) async throws -> [UInt8] { try await ask(request("get", key).message) }

    func set(_ key: String, _ json: [UInt8], seconds: Double?, ifMissing: Bool) async throws -> Bool {
        var request = request(ifMissing ? "add" : "set", key)
        request.add("value", json: json)
        if let seconds { request.add("ttl", json: Array("\(seconds)".utf8)) }
        return try Self.isTrue(try await ask(request.message))
    }

    func remove(_ key: String) async throws { _ = try await ask(request("delete", key).message) }

    func replace(_ key: String, _ old: [UInt8], _ new: [UInt8], seconds: Double?) async throws -> Bool {
        var request = request("cas", key)
        request.add("md5", MD5.hex(old))
        request.add("value", json: new)
        if let seconds { request.add("ttl", json: Array("\(seconds)".utf8)) }
        return try Self.isTrue(try await ask(request.message))
    }

    func add(_ key: String, _ step: String) async throws -> String? {
        var request = request("increment", key)
        request.add("step", json: Array(step.utf8))
        let answer = String(decoding: try await ask(request.message), as: UTF8.self)
        return answer == "false" ? nil : answer
    }

    private func request(_ command: String, _ key: String) -> ClusterMessageWriter {
        var request = ClusterMessageWriter()
        request.add("cmd", command)
        request.add("key", key)
        return request
    }

    private static func isTrue(_ answer: [UInt8]) throws -> Bool {
        if answer == Array("true".utf8) { return true }
        guard answer == Array("false".utf8) else {
            throw ClusterError.invalidAnswer(String(decoding: answer.prefix(80), as: UTF8.self))
        }
        return false
    }
}
