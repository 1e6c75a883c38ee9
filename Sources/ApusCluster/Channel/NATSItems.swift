import Apus
import ApusNATS
import ApusProtocols

/// Queues of work in JetStream: one stream holds the items of all of them, and each queue is what one consumer gets of
/// it.
final class NATSItems {
    private static let stream = "APUS_QUEUES"
    /// Seconds that the question behind an item is good for. One that brings nothing is followed by one for twice as
    /// long.
    ///
    /// After a crash nats-server 2.9 may leave a question unanswered though there are items: whenever one is due again
    /// that had been acknowledged, it looks for it in vain, and waits for the next question before it looks for
    /// another. So a queue that was busy is asked again soon.
    private static let firstQuestion = 0.25

    /// One queue that is watched.
    private final class Watched {
        let name: String
        var acknowledges = false
        /// An item may come.
        var isArmed = false
        /// The server was asked for one, or will be after a pause.
        var isAsked = false
        /// Items that were not handled, which come again first. They stay this process's.
        var returned: [ChannelDelivery] = []
        /// Counts the questions: each has an inbox of its own, so that nothing comes of an earlier one.
        var question = 0
        /// Seconds that the next one is good for.
        var questionLife = firstQuestion
        /// The server has a consumer for it.
        var hasConsumer = false
        var subscription: NATSSubscription?
        /// Asks again.
        var timer: WorkerTimer?
        var trouble = QueueTrouble()

        init(_ name: String) { self.name = name }

        nonisolated deinit {}

        /// No answer is waited for any more.
        func end() {
            question += 1
            isAsked = false
            subscription?.cancel()
            timer?.cancel()
        }
    }

    private let jetStream: JetStream
    private let patience: Double
    /// Seconds that a question is good for when the ones before brought nothing.
    private let longestQuestion: Double
    private let inHand: ItemsInHand
    private var queues: [String: Watched] = [:]
    private let stream: Preparation
    private let requests: ChannelRequests
    private let inbox = "_INBOX.\(NATSClient.randomName())"
    /// Gets the items.
    var onItem: @MainActor (ChannelDelivery) -> Void = { _ in }
    /// Is told why none can be taken, once.
    var onFailure: @MainActor (_ name: String, _ error: ClusterError) -> Void = { _, _ in }

    private var nats: NATSClient { jetStream.nats }

    init(_ jetStream: JetStream, patience: Double, maxUnsentBytes: Int) {
        self.jetStream = jetStream
        self.patience = patience
        longestQuestion = min(patience, 5)
        requests = ChannelRequests(maxUnsentBytes: maxUnsentBytes, JetStream.clusterError)
        stream = Preparation { done in
            jetStream.makeStream(
                Self.stream,
                #"{"name":"\#(Self.stream)","subjects":["apus.queue.>"],"retention":"workqueue","storage":"file"}"#,
                done)
        }
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

    // MARK: Putting in

    func add(_ names: [String], _ json: [UInt8], _ completion: ChannelCompletion?) -> Bool {
        requests.perform(json.count, completion) { done in
            stream.whenReady { [self] result in
                switch result {
                case .failure(let error): done(.failure(error))
                case .success: store(json, names, done)
                }
            }
        }
    }

    /// All of them at once, which are confirmed together.
    private func store(
        _ json: [UInt8], _ names: [String], _ done: @escaping @MainActor (Result<Int?, any Error>) -> Void
    ) {
        var missing = names.count
        var failure: (any Error)?
        if missing == 0 { done(.success(0)) }
        for name in names {
            jetStream.store(Self.subject(name), json) { [stream] result in
                if case .failure(let error) = result {
                    // It may have been deleted.
                    stream.forget()
                    failure = error
                }
                missing -= 1
                guard missing == 0 else { return }
                done(failure.map { .failure($0) } ?? .success(names.count))
            }
        }
    }

    // MARK: Taking out

    func watch(_ name: String, acknowledges: Bool) {
        let queue = queues[name] ?? Watched(name)
        queue.acknowledges = acknowledges
        queues[name] = queue
    }

    func unwatch(_ name: String) {
        guard let queue = queues.removeValue(forKey: name) else { return }
        queue.end()
        for item in queue.returned { giveUp(item) }
    }

    func reserve(_ name: String) {
        guard let queue = queues[name] else { return }
        queue.isArmed = true
        guard !queue.isAsked else { return }
        guard let item = queue.returned.first else { return ask(queue) }
        queue.returned.removeFirst()
        queue.isArmed = false
        // Not before the caller is done.
        EventLoop.current.execute { [weak self] in self?.onItem(item) }
    }

    /// Questions are over, and what was made may not be there when the server is back.
    func connectionIsLost() {
        stream.forget()
        for queue in queues.values {
            queue.end()
            queue.hasConsumer = false
        }
    }

    func connectionIsBack() {
        for queue in queues.values where queue.isArmed && !queue.isAsked { ask(queue) }
    }

    private func ask(_ queue: Watched) {
        // It is asked for when the connection is back.
        guard nats.isConnected else { return }
        queue.end()
        queue.isAsked = true
        let question = queue.question
        Task { [weak self] in
            do {
                try await self?.makeConsumer(queue)
                guard let self, queue.question == question else { return }
                try send(question, queue)
                queue.trouble.isOver()
            } catch {
                guard let self, queue.question == question else { return }
                failed(queue, JetStream.clusterError(error))
            }
        }
    }

    private func send(_ question: Int, _ queue: Watched) throws {
        let place = "\(inbox).\(Self.consumer(queue.name)).\(question)"
        queue.subscription = nats.subscribe(place) { [weak self, weak queue] message in
            if let queue, queue.question == question { self?.received(message, queue) }
        }
        try nats.publish(
            "$JS.API.CONSUMER.MSG.NEXT.\(Self.stream).\(Self.consumer(queue.name))",
            #"{"batch":1,"expires":\#(Int(queue.questionLife * 1e9))}"#, replyTo: place)
        askAgain(queue, after: queue.questionLife + 5)
    }

    private func failed(_ queue: Watched, _ error: ClusterError) {
        // Somebody may have deleted what was made.
        stream.forget()
        queue.hasConsumer = false
        if queue.trouble.isNew(error) { onFailure(queue.name, error) }
        askAgain(queue, after: queue.trouble.pause())
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
        try await PendingResult<Void>.wait { stream.whenReady($0) }
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
        switch message.headers.status {
        // A sign of life.
        case 100: return
        // There was none for as long as the question was good.
        case 404, 408:
            queue.questionLife = min(queue.questionLife * 2, longestQuestion)
            return ask(queue)
        case let status?:
            return failed(queue, .refused("JetStream: \(status) \(message.headers.statusText)"))
        case nil: break
        }
        queue.end()
        queue.questionLife = Self.firstQuestion
        guard let receipt = message.replyTo else { return }
        queue.isArmed = false
        if queue.acknowledges { inHand.add(receipt) } else { try? nats.publish(receipt, "+ACK") }
        let event = ChannelEvent(name: queue.name, json: message.payload)
        onItem(ChannelDelivery(event: event, receipt: queue.acknowledges ? receipt : nil))
    }

    // MARK: What becomes of them

    func finish(_ item: ChannelDelivery, succeeded: Bool) {
        guard let receipt = item.receipt, inHand.contains(receipt) else { return }
        if !succeeded, let queue = queues[item.event.name] {
            // The server would give it to whoever asks after it has heard of that, which may be behind others.
            queue.returned.append(item)
            return
        }
        guard succeeded else { return giveUp(item) }
        inHand.remove(receipt)
        // It comes again when this does not arrive.
        try? nats.publish(receipt, "+ACK")
    }

    private func giveUp(_ item: ChannelDelivery) {
        guard let receipt = item.receipt else { return }
        inHand.remove(receipt)
        try? nats.publish(receipt, "-NAK")
    }
}
