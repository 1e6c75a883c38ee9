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
        static let isFull = [10047, 10077, 10023]
        /// It is about to be there: it starts, or chooses who leads.
        fileprivate static let notYet = [10008, 10009, 10074]
    }

    /// Seconds until a server that is not ready yet is asked again.
    private static let pause = 0.05

    let nats: NATSClient
    private let timeout: Double

    init(_ nats: NATSClient, timeout: Double) {
        self.nats = nats
        self.timeout = timeout
    }

    nonisolated deinit {}

    /// Asks it something. Throws `Refusal` and `ClusterError`.
    func ask(_ request: String, _ json: [UInt8] = []) async throws -> ClusterMessage {
        try await answer("$JS.API.\(request)", json, headers: [:])
    }

    /// Puts a message into a stream, and returns its number. Throws `Refusal` and `ClusterError`.
    @discardableResult
    func store(_ subject: String, _ payload: [UInt8], headers: NATSHeaders = [:]) async throws -> Int {
        let answer = try await answer(subject, payload, headers: headers)
        guard let number = answer.number("seq") else { throw ClusterError.invalidAnswer("the message has no number") }
        return number
    }

    /// A server that has just started does not keep its streams at once: nobody answers, or it says so. Neither has
    /// done anything.
    private func answer(_ subject: String, _ payload: [UInt8], headers: NATSHeaders) async throws -> ClusterMessage {
        let end = ContinuousClock.now + .seconds(timeout)
        while true {
            do {
                let message = try await nats.request(subject, payload, headers: headers, timeout: timeout)
                return try Self.parse(message.payload)
            } catch NATSError.noResponders where ContinuousClock.now < end {
            } catch let refusal as Refusal where Refusal.notYet.contains(refusal.code) && ContinuousClock.now < end {
            } catch let error as NATSError {
                throw ClusterError(error)
            }
            try await WorkerTimer.sleep(Self.pause)
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

    /// Makes a stream unless there is one of that name, which then stays as it is. `json` holds its configuration.
    func makeStream(_ name: String, _ json: String) async throws {
        do {
            _ = try await ask("STREAM.CREATE.\(name)", Array(json.utf8))
        } catch let refusal as Refusal where refusal.code == Refusal.streamExists {
            // Somebody has configured it otherwise, and knows why.
        }
    }
}

extension ClusterError {
    /// Any error of JetStream.
    init(_ refusal: JetStream.Refusal) { self = .refused("JetStream: \(refusal.text)") }
}
