import Apus
import ApusNATS
import ApusProtocols

/// The storage of NATS servers, as far as queues and values need it: it is asked by messages to `$JS.API`, and answers
/// in JSON.
final class JetStream {
    /// What it answers instead of doing something.
    struct Refusal: Error {
        let code: Int
        let text: String

        static let noMessage = 10037
        static let streamExists = 10058
        static let wrongSequence = 10071
        /// It is about to be there: it starts, or chooses who leads.
        fileprivate static let notYet = [10008, 10009, 10074]
    }

    /// Seconds until a server that is not ready yet is asked again.
    private static let pause = 0.05
    /// What messages may have for a number: so many no stream will ever have had.
    static let sequences = 1..<(1 << 53)

    let nats: NATSClient
    private let timeout: Double

    init(_ nats: NATSClient, timeout: Double) {
        self.nats = nats
        self.timeout = timeout
    }

    nonisolated deinit {}

    /// Asks it something. Throws `Refusal` and `ClusterError`.
    func ask(_ request: String, _ json: [UInt8] = []) async throws -> ClusterMessage {
        try await PendingResult<ClusterMessage>.wait { answer("$JS.API.\(request)", json, $0) }
    }

    /// Puts a message into a stream, and returns its number. Throws `Refusal` and `ClusterError`.
    @discardableResult
    func store(_ subject: String, _ payload: [UInt8], headers: NATSHeaders = [:]) async throws -> Int {
        try await PendingResult<Int>.wait { store(subject, payload, headers: headers, $0) }
    }

    /// Puts a message into a stream; `done` is called with its number. Messages are sent in the order of the calls.
    func store(
        _ subject: String, _ payload: [UInt8], headers: NATSHeaders = [:],
        _ done: @escaping @MainActor (Result<Int, any Error>) -> Void
    ) {
        answer(subject, payload, headers: headers) { result in
            done(
                result.flatMap { answer in
                    guard let number = answer.number("seq"), Self.sequences.contains(number) else {
                        return .failure(ClusterError.invalidAnswer("the message has no number"))
                    }
                    return .success(number)
                })
        }
    }

    /// Makes a stream unless there is one of that name, which then stays as it is. `json` holds its configuration.
    func makeStream(_ name: String, _ json: String, _ done: @escaping Preparation.Completion) {
        answer("$JS.API.STREAM.CREATE.\(name)", Array(json.utf8)) { result in
            switch result {
            // Somebody has configured it otherwise, and knows why.
            case .failure(let refusal as Refusal) where refusal.code == Refusal.streamExists: done(.success(()))
            case .failure(let error): done(.failure(error))
            case .success: done(.success(()))
            }
        }
    }

    private func answer(
        _ subject: String, _ payload: [UInt8], headers: NATSHeaders = [:],
        until end: ContinuousClock.Instant? = nil,
        _ done: @escaping @MainActor (Result<ClusterMessage, any Error>) -> Void
    ) {
        let end = end ?? .now + .seconds(timeout)
        nats.request(subject, payload, headers: headers, timeout: timeout) { [self] result in
            let outcome: Result<ClusterMessage, any Error>
            switch result {
            case .success(let message): outcome = Result { try Self.parse(message.payload) }
            case .failure(let error): outcome = .failure(error)
            }
            guard Self.isNotReady(outcome), ContinuousClock.now < end else {
                return done(outcome.mapError { $0 is Refusal ? $0 : Self.clusterError($0) })
            }
            WorkerTimer.after(Self.pause) { [self] _ in answer(subject, payload, headers: headers, until: end, done) }
        }
    }

    /// A server that has just started does not keep its streams at once: nobody answers, or it says so. Neither has
    /// done anything.
    private static func isNotReady(_ outcome: Result<ClusterMessage, any Error>) -> Bool {
        switch outcome {
        case .failure(NATSError.noResponders): true
        case .failure(let refusal as Refusal): Refusal.notYet.contains(refusal.code)
        default: false
        }
    }

    /// Any error of it, as clients see it.
    static func clusterError(_ error: any Error) -> ClusterError {
        switch error {
        case let error as ClusterError: error
        case let refusal as Refusal: .refused("JetStream: \(refusal.text)")
        case let error as NATSError: ClusterError(error)
        default: .closed
        }
    }

    private static func parse(_ bytes: [UInt8]) throws -> ClusterMessage {
        do {
            let message = try ClusterMessage(bytes)
            guard let error = message.json("error") else { return message }
            let facts = try ClusterMessage(error)
            throw Refusal(code: facts.number("err_code") ?? 0, text: facts.string("description") ?? "no reason")
        } catch let failure as ClusterMessage.Failure {
            throw ClusterError.invalidAnswer("JetStream: \(failure.reason)")
        }
    }
}
