import ApusProtocols
import CApus

/// The transport of one TCP or Unix stream connection: its descriptor, state and buffers.
///
/// It knows no message types. A `ProtocolDriver` turns its bytes into messages; users see it through the typed
/// `Connection`. Closed connections keep their counters and addresses.
final class StreamConnection: Pollable {
    // The small ones stand together: in this order they take 16 bytes less of each connection.
    @exclusivity(unchecked) var state = ConnectionState.established
    /// Who wants no input now.
    @exclusivity(unchecked) var pauses: Pauses = []
    /// The driver is handling this connection's bytes: what becomes possible meanwhile it will see itself.
    @exclusivity(unchecked) var isDelivering = false
    /// The peer has sent all it wanted to send.
    @exclusivity(unchecked) var isPeerFinished = false
    /// What is sent next is the last before `close`: data and FIN can leave together.
    @exclusivity(unchecked) var isSendingLast = false
    /// The poller watches for input.
    @exclusivity(unchecked) var isWatchingInput = false
    /// It has had its turn, and goes on with what is held when the others have had theirs.
    @exclusivity(unchecked) private(set) var hasYielded = false
    @exclusivity(unchecked) var closeKind = CloseKind.open
    /// The TLS handshake is under way: output waits, and nothing is delivered.
    @exclusivity(unchecked) var isSecuring = false
    /// The handshake waits for the kernel to take more.
    @exclusivity(unchecked) var handshakeWrites = false
    /// Nothing stands in the way of a frame: see `WebSocketDriver.noteSendsPlainFrames`.
    @exclusivity(unchecked) var sendsPlainFrames = false
    @exclusivity(unchecked) var peer: capus_address
    /// Operations of handlers that have not ended; the next message waits for them.
    @exclusivity(unchecked) var runningOperations: UInt32 = 0
    /// The loop's second in which something of note happened last: see `ProtocolDriver.timeOut`.
    @exclusivity(unchecked) var stamp: UInt32

    let id: Int
    @exclusivity(unchecked) unowned(unsafe) let loop: EventLoop
    /// The loop's state that is used at every message.
    let shared: UnsafeMutablePointer<LoopState>
    @exclusivity(unchecked) var worker: (any ConnectionOwner)?
    @exclusivity(unchecked) var driver: ProtocolDriver
    /// Unsafe only for `deinit`, which frees it when nobody else is left.
    @exclusivity(unchecked) nonisolated(unsafe) var partial = PartialMessage()
    /// The TLS session; nil for plain connections.
    @exclusivity(unchecked) var tls: OpaquePointer?
    /// The queue of unsent output; nil while there is none.
    @exclusivity(unchecked) var outbound: OpaquePointer?
    @exclusivity(unchecked) var bytesRead = 0
    @exclusivity(unchecked) var bytesWritten = 0
    @exclusivity(unchecked) var http = HTTPConnectionState()
    /// While WebSocket is spoken, and until the connection is made again.
    @exclusivity(unchecked) var webSocket: WebSocketConnectionState?
    @exclusivity(unchecked) var extras: ConnectionExtras?

    struct Pauses: OptionSet {
        let rawValue: UInt8
        nonisolated init(rawValue: UInt8) { self.rawValue = rawValue }
        static let user = Pauses(rawValue: 1)
        /// The destination of a pipe has no room.
        static let pipe = Pauses(rawValue: 2)
        /// What comes before the TLS handshake is not the peer's: see `startTLS`.
        static let handshake = Pauses(rawValue: 4)
    }

    enum CloseKind: UInt8 {
        /// Neither `close` nor `end` was called.
        case open
        /// After the output: half-close and wait for the peer.
        case linger
        /// After the output: close.
        case afterFlush
        /// After the output: half-close, and go on reading.
        case halfClose
        /// Nothing more is sent.
        case halfClosed
    }

    init(
        fd: Int32, id: Int, peer: capus_address, loop: EventLoop, worker: (any ConnectionOwner)?, driver: ProtocolDriver
    ) {
        self.id = id
        self.peer = peer
        self.loop = loop
        self.worker = worker
        self.driver = driver
        shared = loop.state
        stamp = loop.state.pointee.second
        super.init(fd: fd)
    }

    nonisolated deinit {
        partial.free()
    }

    var isPaused: Bool { pauses.rawValue != 0 }

    /// Whether the next message may be delivered.
    var wantsMessages: Bool {
        state == .established && !isPaused && (runningOperations == 0 || wantsMoreThanMessages)
    }

    /// What holds messages back waits for the rest of a body, or has nothing to do with the handshakes that come before
    /// the first message and after the last.
    private var wantsMoreThanMessages: Bool {
        http.wantsBody || webSocket?.phase == .handshake || webSocket?.phase == .closing
    }

    /// No more messages are delivered, but the peer's last word is waited for, whoever has paused.
    func readAnswerOfPeer() {
        pauses = []
        if !isSecuring, !isPeerFinished { watchInput(true) }
        deliverLater()
    }

    /// Bytes that wait to be sent.
    var pendingSendBytes: Int {
        var count = outbound.map { capus_outbound_count($0) } ?? 0
        if isCorked { count += shared.pointee.output.corkedCount }
        if let output = extras?.fileOutput { count += output.count }
        if let webSocket { count += webSocket.waiting.count }
        return count
    }

    /// Counts a message, and leaves word of it for the case that its handler crashes the process.
    @inline(__always)
    func noteMessage() {
        let status = shared.pointee.status
        status.pointee.requests &+= 1
        noteActivity(CAPUS_DOING_MESSAGE)
        stamp = shared.pointee.second
    }

    /// Says what user code of this connection is about to run.
    @inline(__always)
    func noteActivity(_ doing: Int) {
        let status = shared.pointee.status
        status.pointee.doing = UInt64(truncatingIfNeeded: doing)
        status.pointee.connection_id = UInt64(truncatingIfNeeded: id)
        status.pointee.peer = peer
    }

    // MARK: Readiness

    override func ready(_ flags: UInt32) {
        if flags & UInt32(CAPUS_READ) != 0 {
            receive()
            if state == .closed { return }
        }
        if flags & UInt32(CAPUS_WRITE) != 0 {
            if isSecuring { receive() } else { outputProgressed() }
            if state == .closed { return }
        }
        if flags & UInt32(CAPUS_HANGUP) != 0, flags & UInt32(CAPUS_READ) == 0 {
            destroy()
        }
    }

    override func couldNotBeWatched(for interest: UInt32, on loop: EventLoop, _ failure: Int32) { destroy() }

    /// Reads once and hands the bytes to the driver. False when nothing could be read.
    @discardableResult
    func receive() -> Bool {
        if hasYielded { return true }
        if partial.isAllocated { return receiveMore() }
        let buffer = loop.receiveBuffer
        let count = take(buffer, http.streamsBody ? EventLoop.receiveCapacity : driver.readsAhead)
        guard count > 0 else { return receiveFailed(count) }
        noteReceived(count)
        if state != .established { return true }
        buffer[count] = 0
        let driverBefore = ObjectIdentifier(driver)
        let consumed = deliver(buffer, count)
        if consumed < count, state == .established {
            partial.append(buffer + consumed, count - consumed)
            stamp = shared.pointee.second
            // A handler that changed the protocol or its callbacks left the rest to the new driver.
            if driverBefore != ObjectIdentifier(driver) { deliverPartial() } else { throttleInput() }
        }
        return true
    }

    /// Reads behind what is held of a message already.
    private func receiveMore() -> Bool {
        let wanted = driver.receiveRoom(self)
        let (target, room) = partial.reserve(wanted)
        // The memory may have room for far more than one connection should take at a time.
        let count = take(target, min(room, max(wanted, EventLoop.receiveCapacity)))
        guard count > 0 else {
            if partial.count == 0 { partial.free() }
            return receiveFailed(count)
        }
        noteReceived(count)
        if state != .established { return true }
        partial.commit(count)
        deliverPartial()
        return true
    }

    /// As `capus_receive`, whatever the transport.
    @inline(__always)
    private func take(_ bytes: UnsafeMutablePointer<UInt8>, _ capacity: Int) -> Int {
        tls == nil ? capus_receive(fd, bytes, capacity) : receiveSecured(bytes, capacity)
    }

    @inline(__always)
    private func noteReceived(_ count: Int) {
        bytesRead &+= count
        shared.pointee.status.pointee.bytes_read &+= UInt64(count)
    }

    private func receiveFailed(_ count: Int) -> Bool {
        if count == 0 {
            peerFinished()
        } else if -count != Int(CAPUS_WOULD_BLOCK) {
            destroy()
        }
        return false
    }

    /// The peer's FIN. An answer that is under way still reaches a peer that has only closed its sending half.
    private func peerFinished() {
        isPeerFinished = true
        if let tls { extras?.outgoing?.isCutOff = !capus_tls_has_said_goodbye(tls) }
        guard state == .established else {
            // It may have closed its sending half alone: what waits is for it. A handshake needs both halves.
            return outbound != nil && !isSecuring ? watchInput(false) : destroy()
        }
        if driver.peerFinished(self) || state == .closed { return }
        if driver.owesAnswer(self) || holdsUnread {
            watchInput(false)
        } else {
            close()
        }
    }

    // MARK: Delivery

    /// Hands bytes to the driver and sends what it collected. Returns how many bytes are done with.
    @inline(__always)
    private func deliver(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        guard wantsMessages else { return 0 }
        // Also while output leaves: whom that makes call back here, to go on or to close, must find these bytes in use.
        isDelivering = true
        uncorkOther()
        var consumed = 0
        while wantsMessages {
            let driverBefore = ObjectIdentifier(driver)
            consumed += driver.receive(self, bytes + consumed, count - consumed)
            guard isCorked else { break }
            let isHeldBack = !wantsMessages
            uncork()
            // What called back may have ended what held the rest back.
            guard isHeldBack, consumed < count, driverBefore == ObjectIdentifier(driver) else { break }
        }
        isDelivering = false
        return consumed
    }

    /// Delivers the messages that are held, as far as they are complete and wanted.
    func deliverPartial() {
        guard !isDelivering else { return }
        while partial.count > 0, wantsMessages, !hasYielded {
            partial.bytes[partial.count] = 0
            let driverBefore = ObjectIdentifier(driver)
            let consumed = deliver(partial.bytes, partial.count)
            if state == .closed { return partial.free() }
            // Closed and to be made again: what is left was the earlier connection's.
            if fd < 0 { return partial.free() }
            partial.consume(consumed)
            if consumed == 0, driverBefore == ObjectIdentifier(driver) { break }
        }
        throttleInput()
    }

    /// Goes on after an answer was completed, output drained or reading resumed.
    func continueDelivery() {
        guard !isDelivering, state == .established else { return }
        deliverPartial()
        if state == .established, isPeerFinished, !hasYielded, !driver.owesAnswer(self), !holdsUnread { close() }
    }

    /// Called by drivers that have handled so many messages of one read that other connections should not wait longer.
    func yieldTurn() {
        hasYielded = true
        loop.executeInTurn { [self] in
            hasYielded = false
            continueDelivery()
            // Nobody looked meanwhile whether OpenSSL holds more.
            if tls != nil, !hasYielded { receivePendingLater() }
        }
    }

    /// Bytes wait for a reader that has not asked for them, for the end of a pause, or for a peer that is to read its
    /// answers before it gets further ones.
    private var holdsUnread: Bool {
        partial.count > 0 && (runningOperations > 0 || isPaused || outbound != nil)
    }

    /// Delivers what is held at the end of this turn: the caller may still change who gets it.
    func deliverLater() {
        loop.execute { [self] in continueDelivery() }
    }

    /// Stops reading while more waits than the driver wants to hold, so that back-pressure reaches the peer.
    private func throttleInput() {
        guard state == .established, !isPaused, !isPeerFinished else { return }
        watchInput(partial.count < driver.maxHeldBytes(self))
    }

    // MARK: Pausing

    func pause(_ why: Pauses) {
        guard state == .established else { return }
        pauses.insert(why)
        if !isSecuring { watchInput(false) }
    }

    /// The user's pause is over. Delivers what is held, and reads, before it returns.
    func resume() {
        guard pauses.remove(.user) != nil, !isPaused, state == .established else { return }
        continueDelivery()
        guard state == .established, !isPaused, !isPeerFinished else { return }
        watchInput(true)
        // Not into the loop's buffer: a message of another connection may be in use there, whose handler called this.
        if !isDelivering { _ = receiveMore() }
    }

    /// There is room again where the bytes go. Reads when the poller says so.
    func readAgain() {
        guard pauses.remove(.pipe) != nil, !isPaused, state == .established else { return }
        continueDelivery()
        if state == .established, !isPaused, !isPeerFinished { watchInput(true) }
    }

    func watchInput(_ wanted: Bool) {
        guard wanted != isWatchingInput, generation != 0 else { return }
        isWatchingInput = wanted
        loop.setInterest(self, wanted ? UInt32(CAPUS_READ) : 0)
        if wanted, tls != nil { receivePendingLater() }
    }

    /// Registers with the poller: done when the connection outlives its first read.
    func register() {
        guard generation == 0 else { return }
        isWatchingInput = (!isPaused || isSecuring) && !isPeerFinished
        loop.watch(self, for: isWatchingInput ? UInt32(CAPUS_READ) : 0)
    }
}
