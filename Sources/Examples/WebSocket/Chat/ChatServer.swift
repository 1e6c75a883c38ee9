import Apus
import ApusWeb

/// The guests of this process: what they ask for, and what they hear, from here and from other processes.
final class ChatServer {
    /// A guest's list of people has so many names at most.
    private static let mostShown = 500
    /// Seconds within which a guest says a name.
    private static let patience = 10.0
    /// Seconds for which those who come and go together are one change.
    private static let changeDelay = 0.05
    /// Beats after which a silent process has gone.
    private static let mostMissedBeats = 3.0
    private static let mostRecalledRooms = 10_000
    /// Bytes of text that a new process is told at once; of rooms that are quieter it asks when somebody enters.
    private static let mostToldBytes = 256 * 1024
    /// The guest is here by another connection, or somebody else has the name: the page does not come back by itself.
    private static let takenOver = WebSocketCloseCode(rawValue: 4000)

    private let endpoint: WebSocketEndpoint
    private let engine: any ChatEngine
    private let beat: Double
    private let rate: Int
    /// This process, by a name that no other has.
    private let own = String(UInt64.random(in: 0 ... .max), radix: 36)
    private var process = 0
    private var guests: [Connection<WebSocket>: ChatGuest] = [:]
    private var connections: [String: Connection<WebSocket>] = [:]
    private var presence: ChatPresence
    private var history = ChatHistory()
    /// Rooms of which others were asked for what was said before.
    private var recalled: Set<String> = []
    /// Processes whose list is on its way, or was asked for since the last beat.
    private var asked: Set<String> = []
    private var isChangeDue = false
    private var lastLineAt: Int64 = 0
    /// Nobody has told yet what was said before this process began.
    private var isNew = true

    /// `beat` is in seconds, `rate` in messages each second.
    init(_ endpoint: WebSocketEndpoint, _ engine: any ChatEngine, beat: Double, rate: Int) {
        self.endpoint = endpoint
        self.engine = engine
        self.beat = beat
        self.rate = rate
        presence = ChatPresence(own: own)
        endpoint.onWebSocketConnected = { [unowned self] connection, _ in
            connection.timer(after: Self.patience) { [unowned self] _ in
                if guests[connection] == nil { connection.close(code: .policyViolation, reason: "say your name first") }
            }
        }
        endpoint.onMessage = { [unowned self] in try received($1.json(), from: $0) }
        endpoint.onClose = { [unowned self] in left($0) }
    }

    nonisolated deinit {}

    // MARK: Life

    /// Called in each process, before its first guest.
    func start(process: Int) {
        self.process = process
        engine.start(onPost: { [unowned self] in heard($0) }, onReach: { [unowned self] in reached() })
        Timer.every(beat) { [unowned self] _ in
            post(.beat(version: presence.ownRoster.version))
            asked = []
            presence.forgetSilent(since: ChatClock.monotonic - Int64(Self.mostMissedBeats * beat * 1e9))
            announceChanges()
        }
        // A beat during which the last one's renewals still wait has none of its own.
        Timer.every(beat, whileRunning: .skip) { [unowned self] _ in await renewNames() }
    }

    /// Others can be reached, for the first time or again: what was said meanwhile is not known here, nor there. Of two
    /// processes that were cut off the one that is back later asks, and tells, when the other can hear it.
    private func reached() {
        recalled = []
        for room in Set(guests.values.map(\.room.key)) { recall(room) }
        tellLatest(to: nil)
        post(.beat(version: presence.ownRoster.version))
    }

    private func renewNames() async {
        for (connection, guest) in guests {
            do {
                if try await engine.renew(guest.name.key, guest.claim) { continue }
                if guests[connection] === guest {
                    dismiss(connection, "\(guest.name.text) is here by another connection")
                }
            } catch {
                // Out of reach: the names are tried again with the next beat.
                return Worker.log("the chat cannot renew its names: \(error)", level: .warning)
            }
        }
    }

    // MARK: Guests

    private func received(_ request: ChatRequest, from connection: Connection<WebSocket>) throws {
        guard let guest = guests[connection] else {
            // What the guest says next waits until it is in.
            return connection.run { [unowned self] in try await enter(request, connection) }
        }
        do throws(ChatProblem) {
            try obey(request, guest)
        } catch {
            var event = ChatEvent(.problem, text: error.text)
            event.id = request.id
            send(event, to: connection)
        }
        let pause = guest.pace.take(ChatClock.monotonic)
        if pause > 0 { connection.run { try await Timer.sleep(pause) } }
    }

    private func enter(_ request: ChatRequest, _ connection: Connection<WebSocket>) async throws {
        do {
            guard request.kind == .enter else { throw ChatProblem("say your name first") }
            let name = try ChatName(request.name, "a name")
            let room = try ChatName(request.room ?? "lobby", "a room")
            // Five beats: who cannot reach the others for a moment does not lose the name.
            let claim = ChatClaim(owner: try ChatName.token(request.key), lease: 5 * beat)
            // Also when the servers in between have forgotten it.
            let isTaken = presence.member(name.key).map { $0.owner != claim.owner } ?? false
            guard !isTaken, try await engine.claim(name.key, claim) else {
                throw ChatProblem("\(name.text) is here already")
            }
            guard connection.isWebSocketOpen else { return engine.release(name.key, claim) }
            if let older = connections[name.key] { dismiss(older, "\(name.text) is here by another connection") }
            let pace = ChatPace(perSecond: rate, burst: 4 * rate)
            let guest = ChatGuest(connection, name: name, room: room, claim: claim, pace: pace)
            guests[connection] = guest
            connections[name.key] = connection
            var welcome = ChatEvent(.welcome)
            welcome.name = name.text
            welcome.process = process
            send(welcome, to: connection)
            enter(room, guest)
        } catch let problem as ChatProblem {
            throw WebSocketError(.policyViolation, problem.text)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            Worker.log("the chat cannot look a name up: \(error)", level: .warning)
            throw WebSocketError(.tryAgainLater, "the chat cannot be reached just now")
        }
    }

    private func obey(_ request: ChatRequest, _ guest: ChatGuest) throws(ChatProblem) {
        switch request.kind {
        case .enter: throw ChatProblem("you are \(guest.name.text)")
        case .move:
            let room = try ChatName(request.room, "a room")
            if room.key != guest.room.key { guest.connection.unsubscribe(guest.room.key) }
            enter(room, guest)
        case .say:
            let line = try line(request, of: guest)
            guard deliver(line, to: guest.room.key) else {
                // Repeated, since the page had not heard that it was said.
                return send(ChatEvent(.said, room: guest.room.text, line: line), to: guest.connection)
            }
            post(.said(line, room: guest.room.key))
        case .whisper:
            let to = try ChatName(request.to, "a name")
            guard presence.member(to.key) != nil else { throw ChatProblem("\(to.text) is not here") }
            var line = try line(request, of: guest)
            line.to = to.text
            let event = ChatEvent(.whispered, line: line)
            send(event, to: guest.connection)
            guard let receiver = connections[to.key] else { return post(.whispered(line, toKey: to.key)) }
            if receiver != guest.connection { send(event, to: receiver) }
        }
    }

    private func line(_ request: ChatRequest, of guest: ChatGuest) throws(ChatProblem) -> ChatLine {
        // The name in front: nobody can pass a line off as a known one of somebody else.
        let id = "\(guest.name.key)/\(try ChatName.token(request.id))"
        let text = try request.checkedText()
        // Later than the one before, so that lines of the same millisecond keep their order, here and elsewhere.
        lastLineAt = max(ChatClock.wall, lastLineAt + 1)
        return ChatLine(id: id, at: lastLineAt, from: guest.name.text, text: text)
    }

    private func enter(_ room: ChatName, _ guest: ChatGuest) {
        guest.room = room
        guest.connection.subscribe(room.key)
        place(guest, in: room)
        let event = ChatEvent(.entered, room: room.text, lines: history.lines(of: room.key))
        send(event, to: guest.connection)
        sendPeople(of: room.key, to: guest.connection)
        recall(room.key)
    }

    private func left(_ connection: Connection<WebSocket>) {
        guard let guest = guests.removeValue(forKey: connection) else { return }
        engine.release(guest.name.key, guest.claim)
        // Otherwise the guest is here by another connection already.
        guard connections[guest.name.key] == connection else { return }
        connections[guest.name.key] = nil
        place(guest, in: nil)
    }

    private func dismiss(_ connection: Connection<WebSocket>, _ reason: String) {
        left(connection)
        connection.close(code: Self.takenOver, reason: reason)
    }

    private func place(_ guest: ChatGuest, in room: ChatName?) {
        let (name, owner) = (guest.name, guest.claim.owner)
        let member = room.map { ChatMember(name: name.text, room: $0.key, owner: owner) }
        let version = presence.place(name.key, member)
        post(.moved(key: name.key, member: member, version: version))
        announceChanges()
    }

    // MARK: What guests hear

    /// False when the line was known already.
    private func deliver(_ line: ChatLine, to room: String) -> Bool {
        guard history.add(line, to: room) else { return false }
        publish(ChatEvent(.said, line: line), in: room)
        return true
    }

    private func publish(_ event: ChatEvent, in room: String) {
        guard endpoint.subscriberCount(of: room) > 0, let content = try? WebSocketContent.json(event) else { return }
        endpoint.publish(room, content)
    }

    private func send(_ event: ChatEvent, to connection: Connection<WebSocket>) {
        if let content = try? WebSocketContent.json(event) { connection.send(content) }
    }

    private func people(of room: String) -> ChatEvent {
        let people = presence.people(in: room)
        var event = ChatEvent(.people)
        event.people = Array(people.prefix(Self.mostShown))
        event.count = people.count
        return event
    }

    private func sendPeople(of room: String, to connection: Connection<WebSocket>) {
        send(people(of: room), to: connection)
    }

    /// Tells the rooms where somebody has come or gone, in a moment.
    private func announceChanges() {
        guard !isChangeDue else { return }
        isChangeDue = true
        Timer.after(Self.changeDelay) { [unowned self] _ in
            isChangeDue = false
            for room in presence.takeChangedRooms() { publish(people(of: room), in: room) }
        }
    }
}

// MARK: Other processes

extension ChatServer {
    private func post(_ signal: ChatSignal) {
        do {
            engine.post(try ChatPost(from: own, signal).json)
        } catch {
            Worker.log("the chat cannot post: \(error)", level: .error)
        }
    }

    /// Asks others what was said in a room before this process heard of it.
    private func recall(_ room: String) {
        // To ask once more costs little; to remember every room that ever was would cost more and more.
        if recalled.count >= Self.mostRecalledRooms { recalled = [] }
        if recalled.insert(room).inserted { post(.recall(room: room)) }
    }

    private func tellLatest(to process: String?) {
        for (room, lines) in history.latest(upTo: Self.mostToldBytes) {
            post(.recalled(lines, room: room, process: process))
        }
    }

    /// Asks another process who is there.
    private func ask(_ process: String) {
        if asked.insert(process).inserted { post(.ask(process: process)) }
    }

    private func heard(_ json: [UInt8]) {
        guard let post = try? ChatPost(json: json) else {
            return Worker.log("the chat got a post that it cannot read", level: .warning)
        }
        if post.from != own { heard(post.signal, from: post.from) }
    }

    private func heard(_ signal: ChatSignal, from sender: String) {
        let now = ChatClock.monotonic
        switch signal {
        case .beat(let version):
            // A newcomer, here or there: each gets the other's list.
            if !presence.knows(sender) { post(.roster(presence.ownRoster)) }
            if !presence.heard(sender, version: version, at: now) { ask(sender) }
        case .ask(let process): if process == own { post(.roster(presence.ownRoster)) }
        case .roster(let roster):
            presence.replace(sender, roster, at: now)
            if isNew { post(.recallAll(process: sender)) }
        case .moved(let key, let member, let version):
            // Names are unique: the guest has come again, over there.
            if member != nil, let older = connections[key] { dismiss(older, "you are here by another connection") }
            if !presence.moved(key, member, at: sender, version: version, now) { ask(sender) }
        case .said(let line, let room): _ = deliver(line, to: room)
        case .whispered(let line, let key):
            if let receiver = connections[key] { send(ChatEvent(.whispered, line: line), to: receiver) }
        case .recall(let room):
            let lines = history.lines(of: room)
            if !lines.isEmpty { post(.recalled(lines, room: room, process: sender)) }
        case .recallAll(let process):
            if process == own { tellLatest(to: sender) }
        case .recalled(let lines, let room, let process):
            guard process == own || process == nil else { break }
            isNew = false
            let new = history.merge(lines, into: room)
            if !new.isEmpty { publish(ChatEvent(.lines, lines: new), in: room) }
        }
        announceChanges()
    }
}
