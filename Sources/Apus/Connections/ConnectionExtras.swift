import CApus

/// What few connections need: kept apart so that the others stay small.
final class ConnectionExtras {
    var maxSendBufferSize: Int?
    var maxPackageSize: Int?
    var lingerTimeout: Double?
    var closeTimeout: Double?
    /// `.some(nil)`: never, whatever the worker says.
    var idleTimeout: Double??
    /// What makes an outgoing connection; nil for accepted ones.
    var outgoing: Outgoing?
    /// What takes the messages instead of a callback.
    var reader: MessageHolder?
    /// Who waits for room in the output queue.
    var roomWaiters: [RoomWaiter] = []
    /// `bytesWritten` when a task that writes last let others have their turn.
    var bytesAtTurn = 0
    /// Where the bytes of this connection go, and whose bytes go here.
    var pipeDestination: StreamConnection?
    var pipeSources: [StreamConnection] = []
    /// What of the output is read from files, behind all that is queued.
    var fileOutput: FileOutput?
    /// What sends the body of the answer that is under way.
    var bodyWriter: ObjectIdentifier?
    /// What takes the body of the request that is arriving, and was delivered.
    var bodyIntake: BodyIntake?
    /// What waits for its answer; known only while errors are shown.
    var keptRequest: KeptRequest?
    /// Cancelled with the connection.
    var timers: [WorkerTimer] = []
    var localAddress: capus_address?
    var userStorage: [ObjectIdentifier: Any] = [:]
    /// What runs the operations of handlers that have not ended; nearly always one.
    @exclusivity(unchecked) var runners: [OperationRunner] = []

    /// The connection has closed: nothing waits for it any more. Returns those that it is piped to, and that are piped
    /// to it: they end with it.
    func endLife() -> [StreamConnection] {
        let running = runners
        for runner in running { runner.cancel() }
        reader?.end()
        reader = nil
        outgoing?.complete(.closed)
        fileOutput?.drop()
        fileOutput = nil
        bodyWriter = nil
        bodyIntake?.fail(ConnectionError.closed)
        bodyIntake = nil
        resumeRoomWaiters()
        for timer in timers { timer.cancel() }
        timers = []
        return takePipes()
    }

    private func takePipes() -> [StreamConnection] {
        guard pipeDestination != nil || !pipeSources.isEmpty else { return [] }
        let joined = (pipeDestination.map { [$0] } ?? []) + pipeSources
        pipeDestination?.extras?.pipeSources.removeAll { $0.extras === self }
        pipeDestination = nil
        pipeSources = []
        return joined
    }

    /// Some of the output has left.
    func roomAppeared(_ pending: Int, of limit: Int) {
        if !roomWaiters.isEmpty, pending < limit { resumeRoomWaiters() }
        // Not at the first byte: reading in larger pieces costs less.
        if !pipeSources.isEmpty, pending <= limit / 2 { for source in pipeSources { source.readAgain() } }
    }

    private func resumeRoomWaiters() {
        let waiters = roomWaiters
        roomWaiters = []
        for waiter in waiters { waiter.resume() }
    }
}

/// A key for values that user code keeps with a connection or worker; see `Connection.subscript(_:)`.
public protocol StorageKey {
    /// What is kept.
    associatedtype Value
}

extension StreamConnection {
    var moreExtras: ConnectionExtras {
        if let extras { return extras }
        let made = ConnectionExtras()
        extras = made
        return made
    }

    var maxSendBufferSize: Int { extras?.maxSendBufferSize ?? driver.limits.maxSendBufferSize }
    var maxPackageSize: Int { extras?.maxPackageSize ?? driver.limits.maxPackageSize }
    var lingerTimeout: Double { extras?.lingerTimeout ?? driver.limits.lingerTimeout }
    var closeTimeout: Double { extras?.closeTimeout ?? driver.limits.closeTimeout }
    var idleTimeout: Double? { extras?.idleTimeout ?? driver.limits.idleTimeout }

    var localAddress: capus_address {
        if let known = extras?.localAddress { return known }
        var address = capus_address()
        if fd >= 0, capus_local_address(fd, &address) == 0 { return address }
        return address
    }

    /// A listener on one interface knows the local address of its connections; the others are asked only where user
    /// code can ask once the socket is gone.
    func rememberLocalAddress() {
        guard fd >= 0, driver.observesClose else { return }
        let address = localAddress
        moreExtras.localAddress = address
    }
}
