import Apus
import ApusProtocols

/// A connection to one Redis server that is made again when it breaks, and the commands that wait for it or for their
/// replies.
@MainActor final class RedisLink {
    /// Unsent bytes above which commands wait here rather than in the connection.
    private static let mostUnsentBytes = 256 * 1024
    /// Seconds between two attempts to connect.
    private static let longestPause = 2.0
    /// Seconds after which a connection was one that works, also when nobody has used it.
    private static let longLife = 5.0

    let options: RedisOptions
    /// What new connections are told, too.
    var target: RedisTarget
    /// Whether a connection that broke is made again.
    private let isReplaced: Bool
    @exclusivity(unchecked) private var connection: Connection<RESP>?
    @exclusivity(unchecked) private(set) var phase = Phase.idle
    @exclusivity(unchecked) private var commands = CommandQueue()
    /// The bytes of those that wait.
    private let unsent = RESPCommandBuffer()
    /// Replies that the greeting still gets, and when they have to be there, in monotonic nanoseconds.
    private var greetings = 0
    private var greetingDeadline: Int64 = 0
    /// Why there is no connection.
    private(set) var failure = "the connection was not made yet"
    /// Why the connection ends, as far as that is known.
    private var endReason: String?
    private var loginFailure: String?
    /// Attempts since the last connection that was of use.
    @exclusivity(unchecked) private var attempts = 0
    /// Monotonic nanoseconds.
    private var readySince: Int64 = 0
    /// Monotonic nanoseconds before which no attempt is made.
    private var earliestAttempt: Int64 = 0
    @exclusivity(unchecked) private var lastDeadline: Int64 = 0
    @exclusivity(unchecked) private var isFlushDue = false
    @exclusivity(unchecked) private var timer: WorkerTimer?

    /// Redis has answered who it is.
    var onReady: (@MainActor () -> Void)?
    /// A connection that was ready has ended.
    var onEnd: (@MainActor (String) -> Void)?
    /// Gets what answers no command, and says whether it was that: set where channels are subscribed to.
    var takesNews: (@MainActor (RedisValue) -> Bool)?
    /// The login was refused.
    var onRefusal: (@MainActor (RedisError) -> Void)?

    enum Phase {
        /// No connection, and none is being made.
        case idle
        /// It is being made, or will be after a pause.
        case connecting
        /// Redis has not answered yet who it is.
        case greeting
        case ready
        case closed
    }

    private var lastTicket = 0

    init(_ target: RedisTarget, _ options: RedisOptions, isReplaced: Bool = true) {
        self.target = target
        self.options = options
        self.isReplaced = isReplaced
    }

    isolated deinit {
        timer?.cancel()
        connection?.cancelReconnect()
        connection?.destroy()
    }

    var isReady: Bool { if case .ready = phase { true } else { false } }

    // MARK: Commands

    /// Why no command is taken now.
    @inline(__always)
    var refusal: RedisError? {
        if case .closed = phase { return isReplaced ? .closed : .connectionLost(failure) }
        guard commands.count < options.maxOutstandingCommands else {
            return .tooManyCommands(options.maxOutstandingCommands)
        }
        return nil
    }

    /// Takes a command whose bytes `encode` appends. `patience` is in seconds.
    @inline(__always)
    func append(
        _ waiter: CommandWaiter, ticket: Int = 0, replies: Int = 1, patience: Double? = nil,
        _ encode: (RESPCommandBuffer) -> Void
    ) {
        let before = unsent.count
        encode(unsent)
        // Redis answers in order, so what stands behind a patient command has its patience.
        lastDeadline = max(lastDeadline, deadline(patience ?? options.timeout))
        commands.append(
            QueuedCommand(
                waiter: waiter, ticket: ticket, byteCount: unsent.count - before, missingReplies: replies,
                deadline: lastDeadline))
        if !isFlushDue { flushSoon() }
        if timer == nil { setTimer() }
    }

    /// The reply of a command whose bytes `encode` appends.
    @inline(__always)
    func reply(patience: Double? = nil, _ encode: (RESPCommandBuffer) -> Void) async throws -> RedisValue {
        try Task.checkCancellation()
        if let refusal { throw refusal }
        let ticket = nextTicket()
        let reply = try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<RedisValue, any Error>) in
                // A task may have been suspended on its way to here.
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                if let refusal { return continuation.resume(throwing: refusal) }
                append(.task(continuation), ticket: ticket, patience: patience, encode)
            }
        } onCancel: {
            // Its reply is still to come, so it stays in its queue.
            EventLoop.soon { self.cancel(ticket) }
        }
        if case .error(let text) = reply { throw RedisError(reply: text) }
        return reply
    }

    /// The replies of commands that leave together; errors among them are values.
    func replies(_ count: Int, _ commands: RESPCommandBuffer) async throws -> [RedisValue] {
        try Task.checkCancellation()
        if let refusal { throw refusal }
        let ticket = nextTicket()
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<[RedisValue], any Error>) in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                if let refusal { return continuation.resume(throwing: refusal) }
                append(.batch(CommandBatch(continuation)), ticket: ticket, replies: count) { $0.append(commands) }
            }
        } onCancel: {
            EventLoop.soon { self.cancel(ticket) }
        }
    }

    private func nextTicket() -> Int {
        lastTicket &+= 1
        return lastTicket
    }

    private func cancel(_ ticket: Int) {
        switch commands.giveUp(ticket) {
        case .task(let continuation): continuation.resume(throwing: CancellationError())
        case .batch(let batch): batch.fail(CancellationError())
        case .nobody, .callback: break
        }
    }

    /// Closes the connection for good. Commands that have no reply fail.
    func close(_ reason: String = "the client was closed") {
        guard phase != .closed else { return }
        phase = .closed
        failure = reason
        timer?.cancel()
        timer = nil
        connection?.cancelReconnect()
        connection?.destroy()
        connection = nil
        failAll(isReplaced ? .closed : .connectionLost(reason))
    }

    /// Makes the connection anew: its server is not what it should be.
    func drop(_ reason: String) {
        endReason = reason
        connection?.destroy()
    }

    /// Those that were sent may have been carried out.
    private func failAll(_ error: RedisError) {
        failSent()
        unsent.removeAll()
        for waiter in commands.takeAll() { waiter.fail(error) }
    }

    private func failSent() {
        for waiter in commands.takeSent() { waiter.fail(.connectionLost(failure)) }
    }

    // MARK: Sending

    /// What this turn of the loop asks for leaves together, at its end.
    private func flushSoon() {
        if case .idle = phase { connect() }
        guard isReady else { return }
        isFlushDue = true
        EventLoop.current.execute { [weak self] in self?.flush() }
    }

    private func flush() {
        isFlushDue = false
        while isReady, let connection, commands.waitingCount > 0 {
            let room = Self.mostUnsentBytes - connection.pendingSendBytes
            guard room > 0 else { return }
            var count = 0
            while count < room, let command = commands.firstWaiting {
                if command.isOver {
                    // Taken out where it stands at the front.
                    guard count == 0 else { break }
                    unsent.drop(command.byteCount)
                    commands.markSent(givenUp: true)
                } else {
                    count += command.byteCount
                    commands.markSent()
                }
            }
            guard count > 0 else { continue }
            // One that fails ends the connection, and with it what was sent.
            _ = unsent.withBytes(count) { connection.sendRaw($0) }
            // Not when the client was closed meanwhile, and all was let go of.
            if unsent.count >= count { unsent.drop(count) }
        }
    }

    // MARK: The connection

    /// Begins to connect, unless that is done or begun.
    func connect() {
        guard case .idle = phase else { return }
        phase = .connecting
        let pause = Double(earliestAttempt - EventLoop.current.now) / 1e9
        do throws(AddressError) {
            if connection == nil { connection = try makeConnection() }
            connection?.reconnect(after: max(0, pause))
        } catch {
            phase = .idle
            failAll(.invalidAddress(error.text, reason: error.reason))
        }
    }

    private func makeConnection() throws(AddressError) -> Connection<RESP> {
        var connect = options.connect
        if target.isSecured, connect.tls == nil { connect.tls = TLSClientOptions() }
        connect.limits.maxPackageSize = options.maxReplyBytes
        // Bounded by what is sent.
        connect.limits.maxSendBufferSize = .max
        let connection = try Connection(
            RESP(maxReplyBytes: options.maxReplyBytes), to: target.address, options: connect)
        connection.onConnect = { [weak self] in self?.greet($0) }
        connection.onMessage = { [weak self] in self?.received($1, $0) }
        connection.onBufferDrain = { [weak self] _ in self?.flush() }
        connection.onError = { [weak self] in self?.endReason = $2 }
        connection.onClose = { [weak self] _ in self?.ended() }
        return connection
    }

    private func greet(_ connection: Connection<RESP>) {
        let commands = target.greeting(speaksRESP3: options.speaksRESP3)
        phase = .greeting
        greetings = commands.count
        greetingDeadline = deadline(options.timeout)
        endReason = nil
        let buffer = RESPCommandBuffer()
        for command in commands {
            buffer.begin(command.count)
            for word in command { buffer.append(word) }
        }
        _ = buffer.withBytes { connection.sendRaw($0) }
        // The one that is set may be later.
        timer?.cancel()
        timer = nil
        setTimer()
    }

    private func received(_ replies: [RedisValue], _ connection: Connection<RESP>) {
        for reply in replies {
            if case .ready = phase {
                deliver(reply, connection)
            } else if case .greeting = phase {
                greeted(reply, connection)
            } else {
                // What stood behind ended the connection.
                return
            }
        }
        if commands.waitingCount > 0, !isFlushDue { flushSoon() }
    }

    @inline(__always)
    private func deliver(_ reply: RedisValue, _ connection: Connection<RESP>) {
        if let takesNews {
            if takesNews(reply) { return }
        } else if case .push = reply {
            return  // Nobody has asked for news.
        }
        guard let waiter = commands.reply(reply) else {
            endReason = "Redis sent what nobody had asked for"
            return connection.destroy()
        }
        attempts = 0
        waiter.finish(reply)
    }

    /// What a server says that will be ready later, such as one that is still reading its data.
    private static let passingTroubles = ["LOADING", "MASTERDOWN", "BUSY", "ERR max number of clients"]

    /// A server that does not know a command quotes what was sent with it, cut off somewhere.
    private func withoutLogin(_ reply: String) -> String {
        var text = reply
        if let quoted = text.firstRange(of: ", with args") { text = String(text[..<quoted.lowerBound]) }
        guard let password = target.password, !password.isEmpty else { return text }
        return String(text.unicodeScalars.replacing(password.unicodeScalars, with: "…".unicodeScalars))
    }

    private func greeted(_ reply: RedisValue, _ connection: Connection<RESP>) {
        if case .push = reply { return }
        if case .error(let reply) = reply {
            let text = withoutLogin(reply)
            endReason = text
            if !Self.passingTroubles.contains(where: text.hasPrefix) { loginFailure = text }
            return connection.destroy()
        }
        greetings -= 1
        guard greetings == 0 else { return }
        phase = .ready
        readySince = EventLoop.current.now
        onReady?()
        flush()
    }

    /// The connection has closed, or could not be made.
    private func ended() {
        guard phase != .closed else { return }
        failure = endReason ?? "the connection was closed"
        endReason = nil
        let now = EventLoop.current.now
        let wasReady = isReady
        if wasReady, Double(now - readySince) / 1e9 > Self.longLife { attempts = 0 }
        if wasReady, !isReplaced {
            close(failure)
            onEnd?(failure)
            return
        }
        phase = .idle
        // At once the first time: most often Redis was started anew.
        let longest = attempts == 0 ? 0 : min(Self.longestPause, 0.025 * Double(1 << min(attempts, 10)))
        attempts += 1
        earliestAttempt = now + Int64(Double.random(in: longest / 2...longest) * 1e9)
        // Before somebody is told who may ask again.
        let refusal = loginFailure.take().map { RedisError.loginFailed($0) }
        if refusal != nil {
            // Asking again does not help: the next command does. A connection that stays closed loses its callbacks.
            connection = nil
        } else {
            connect()
        }
        failSent()
        if wasReady { onEnd?(failure) }
        guard let refusal else { return }
        unsent.removeAll()
        for waiter in commands.takeAll() { waiter.fail(refusal) }
        onRefusal?(refusal)
    }

    // MARK: Time-outs

    /// Of what is asked for now.
    private func deadline(_ seconds: Double) -> Int64 { EventLoop.current.now &+ Int64(min(seconds, 1e9) * 1e9) }

    /// Commands are due in the order in which they came, so the first ones are due first.
    private func setTimer() {
        var due = Int64.max
        if let deadline = commands.firstSent?.deadline { due = deadline }
        if let deadline = commands.firstWaiting?.deadline { due = min(due, deadline) }
        if case .greeting = phase { due = min(due, greetingDeadline) }
        guard timer == nil, due != .max else { return }
        let seconds = Double(due - EventLoop.current.now) / 1e9
        timer = WorkerTimer.after(max(0, seconds)) { [weak self] _ in self?.timeOut() }
    }

    private func timeOut() {
        timer = nil
        let now = EventLoop.current.now
        if let first = commands.firstSent, first.deadline <= now {
            // The replies of all others would stand behind this one.
            while let command = commands.firstSent, command.deadline <= now {
                commands.popFirst().waiter.fail(.timedOut)
            }
            drop("a command was not replied to within \(options.timeout) seconds")
        }
        if case .greeting = phase, greetingDeadline <= now {
            drop("the server was not ready within \(options.timeout) seconds")
        }
        // Behind those that were sent: none of these is in the way of another.
        while commands.sentCount == 0, let command = commands.firstWaiting, command.isOver || command.deadline <= now {
            unsent.drop(command.byteCount)
            commands.popFirst().waiter.fail(.unavailable(failure))
        }
        setTimer()
    }
}
