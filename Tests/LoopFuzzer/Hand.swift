import Apus
import CSimulation

/// A connection, whatever it speaks, and what handlers may do with it.
protocol Hand: AnyObject {
    var life: Life { get }
    var isOpen: Bool { get }
    /// Sends something of about `size` bytes.
    func say(_ size: Int)
    func close()
    func end()
    func destroy()
    func pause()
    func resume()
    func after(_ seconds: Double, _ body: @escaping @MainActor () throws -> Void)
    func run(_ body: @escaping @MainActor () async throws -> Void)
}

/// What all protocols have in common.
class ConnectionHand<P: WireProtocol>: Hand {
    let connection: Connection<P>
    let life: Life

    init(_ connection: Connection<P>, _ life: Life) {
        self.connection = connection
        self.life = life
        connection[TokenKey.self] = Token()
    }

    nonisolated deinit {}

    var isOpen: Bool { connection.state != .closed }
    func say(_ size: Int) {}

    func close() {
        life.wasEnded = true
        connection.close()
    }

    func end() {
        life.wasEnded = true
        connection.end()
    }

    func destroy() {
        life.wasDestroyed = true
        connection.destroy()
        if connection.state != .closed, connection.state != .connecting { life.fault("destroy has not closed") }
    }

    func pause() { connection.pauseReading() }
    func resume() { connection.resumeReading() }

    func after(_ seconds: Double, _ body: @escaping @MainActor () throws -> Void) {
        let timer = connection.timer(after: seconds) { _ in try body() }
        if draw(3) == 0 { connection[TimerKey.self] = timer }
    }

    func run(_ body: @escaping @MainActor () async throws -> Void) { connection.run(body) }

    /// Sets all callbacks but that of messages: what they are told must be so, and they do what `deeds` choose.
    func setCallbacks(_ deeds: Deeds) {
        deeds.hands.append(self)
        connection.onClose = { [self] _ in
            closed()
            say(10)
            try deeds.act(self)
        }
        connection.onBufferFull = { [self] _ in
            full()
            try deeds.act(self)
        }
        connection.onBufferDrain = { [self] _ in
            drained()
            try deeds.act(self)
        }
        connection.onError = { _, _, _ in }
    }

    /// Notes that `onClose` was called.
    func closed() {
        life.closes += 1
        if life.closes > 1 { life.fault("onClose came \(life.closes) times") }
        connection.resumeReading()
    }

    private func full() {
        if life.isFull, connection.pendingSendBytes < connection.maxSendBufferSize {
            life.fault("onBufferFull is early")
        }
        life.isFull = true
    }

    private func drained() {
        if life.isClosed { life.fault("onBufferDrain came after onClose") }
        if connection.pendingSendBytes > 0 {
            life.fault("onBufferDrain with \(connection.pendingSendBytes) bytes left")
        }
        life.isFull = false
    }
}

func draw(_ limit: Int) -> Int { Int(simulation_draw(UInt32(limit))) }

/// Mostly little, sometimes more than any buffer takes.
func drawSize() -> Int {
    switch draw(200) {
    case 0: 300_000
    case 1...4: 70_000
    case 5...24: 5_000
    default: draw(60)
    }
}
