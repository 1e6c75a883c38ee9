import Apus
import ApusNATS
import ApusProtocols

/// Queues of work in JetStream: one stream holds the items of all of them, and each queue is what one consumer gets of
/// it.
final class NATSItems {
    private static let stream = "APUS_QUEUES"
    /// Seconds that one question for an item is good for.
    private static let questionLife = 30.0
    /// Seconds after something has failed.
    private static let pause = 0.1

    /// One queue that is watched.
    private final class Watched {
        let name: String
        /// Where items are sent.
        let inbox = "_INBOX.\(NATSClient.randomName())"
        var acknowledges = false
        /// An item may come.
        var isArmed = false
        /// The server was asked for one.
        var isAsked = false
        /// The server has a consumer for it.
        var hasConsumer = false
        var subscription: NATSSubscription?
        /// Asks again.
        var timer: WorkerTimer?

        init(_ name: String) { self.name = name }

        nonisolated deinit {}

        func end() {
            subscription?.cancel()
            timer?.cancel()
        }
    }

    private let jetStream: JetStream
    private let patience: Double
    private let inHand: ItemsInHand
    private var queues: [String: Watched] = [:]
    private var makingStream: Task<Void, any Error>?
    /// Gets the items.
    var onItem: @MainActor (ChannelDelivery) -> Void = { _ in }

    private var nats: NATSClient { jetStream.nats }

    init(_ jetStream: JetStream, patience: Double) {
        self.jetStream = jetStream
        self.patience = patience
        inHand = ItemsInHand(patience: patience)
        inHand.renew = { [nats = jetStream.nats] in try? nats.publish($0, "+WPI") }
    }

    nonisolated deinit {}

    func close() {
        for queue in queues.values { queue.end() }
        queues = [:]
        inHand.forget()
    }

    private static func subject(_ name: String) -> String { "apus.queue.\(NATSSubject.encoded(name))" }

    /// The names of consumers have no dots and no slashes.
    private static func consumer(_ name: String) -> String {
        let words = NATSSubject.encoded(name).utf8.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: "."): Array("=2E".utf8)
            case UInt8(ascii: "/"): Array("=2F".utf8)
            default: [byte]
            }
        }
        return String(decoding: words, as: UTF8.self)
    }

    /// All who come here at the same time wait for the same answer.
    private func makeStream() async throws {
        if let makingStream { return try await makingStream.value }
        let making = Task { [jetStream] in
            try await jetStream.makeStream(
                Self.stream,
                #"{"name":"\#(Self.stream)","subjects":["apus.queue.>"],"retention":"workqueue","storage":"file"}"#)
        }
        makingStream = making
        do {
            try await making.value
        } catch {
            makingStream = nil
            throw error
        }
    }

    // MARK: Putting in

    func add(_ names: [String], _ json: [UInt8], _ completion: ChannelCompletion?) -> Bool {
        Task { [weak self] in
            do {
                try await self?.makeStream()
                // In parallel: each is a way to the disk.
                for name in names { try await self?.jetStream.store(Self.subject(name), json) }
                completion?(.success(names.count))
            } catch let error as ClusterError {
                completion?(.failure(error))
            } catch let refusal as JetStream.Refusal {
                completion?(.failure(ClusterError(refusal)))
            } catch {
                completion?(.failure(.closed))
            }
        }
        return true
    }

    // MARK: Taking out

    func watch(_ name: String, acknowledges: Bool) {
        let queue = queues[name] ?? Watched(name)
        queue.acknowledges = acknowledges
        guard queues[name] == nil else { return }
        queues[name] = queue
        queue.subscription = nats.subscribe(queue.inbox) { [weak self, weak queue] message in
            if let queue { self?.received(message, queue) }
        }
    }

    func unwatch(_ name: String) { queues.removeValue(forKey: name)?.end() }

    func reserve(_ name: String) {
        guard let queue = queues[name] else { return }
        queue.isArmed = true
        if !queue.isAsked { ask(queue) }
    }

    /// What was asked for is asked for again when the connection is back.
    func connectionIsLost() {
        for queue in queues.values {
            queue.isAsked = false
            queue.timer?.cancel()
        }
    }

    private func ask(_ queue: Watched) {
        queue.isAsked = true
        queue.timer?.cancel()
        Task { [weak self] in
            do {
                try await self?.makeConsumer(queue)
                guard let self, queues[queue.name] === queue else { return }
                let life = Int(Self.questionLife * 1e9)
                try nats.publish(
                    "$JS.API.CONSUMER.MSG.NEXT.\(Self.stream).\(Self.consumer(queue.name))",
                    #"{"batch":1,"expires":\#(life)}"#, replyTo: queue.inbox)
                askAgain(queue, after: Self.questionLife + 5)
            } catch {
                self?.askAgain(queue, after: Self.pause)
            }
        }
    }

    private func askAgain(_ queue: Watched, after seconds: Double) {
        queue.timer?.cancel()
        queue.timer = WorkerTimer.after(seconds) { [weak self, weak queue] _ in
            guard let self, let queue, queues[queue.name] === queue else { return }
            ask(queue)
        }
    }

    private func makeConsumer(_ queue: Watched) async throws {
        guard !queue.hasConsumer else { return }
        try await makeStream()
        let consumer = Self.consumer(queue.name)
        let patience = Int(patience * 1e9)
        let json = """
            {"stream_name":"\(Self.stream)","config":{"durable_name":"\(consumer)",\
            "filter_subject":"\(Self.subject(queue.name))","ack_policy":"explicit","ack_wait":\(patience),\
            "max_ack_pending":100000}}
            """
        _ = try await jetStream.ask("CONSUMER.DURABLE.CREATE.\(Self.stream).\(consumer)", Array(json.utf8))
        queue.hasConsumer = true
    }

    private func received(_ message: NATSMessage, _ queue: Watched) {
        if let status = message.headers.status {
            // 100 is a sign of life; with the others the question is over.
            guard status != 100 else { return }
            let isOver = status == 404 || status == 408
            if !isOver {
                // Somebody may have deleted them.
                makingStream = nil
                queue.hasConsumer = false
            }
            askAgain(queue, after: isOver ? 0 : Self.pause)
            return
        }
        queue.isAsked = false
        queue.timer?.cancel()
        guard let receipt = message.replyTo else { return }
        queue.isArmed = false
        if queue.acknowledges { inHand.add(receipt) } else { try? nats.publish(receipt, "+ACK") }
        let event = ChannelEvent(name: queue.name, json: message.payload)
        onItem(ChannelDelivery(event: event, receipt: queue.acknowledges ? receipt : nil))
    }

    // MARK: What becomes of them

    func finish(_ item: ChannelDelivery, succeeded: Bool) {
        guard let receipt = item.receipt, inHand.remove(receipt) else { return }
        // It comes again when this does not arrive.
        try? nats.publish(receipt, succeeded ? "+ACK" : "-NAK")
    }
}
