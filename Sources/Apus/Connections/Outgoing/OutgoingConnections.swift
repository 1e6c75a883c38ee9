import CApus

/// The outgoing connections of this process. They keep it from ending only until what they were given to send is out.
final class OutgoingConnections: ConnectionOwner {
    static let shared = OutgoingConnections()

    @exclusivity(unchecked) private(set) var byID: [Int: StreamConnection] = [:]
    private var sweeper: WorkerTimer?
    /// The process is about to end: no connection is begun.
    private(set) var isClosing = false

    /// What happens when a callback throws; the worker's policy.
    var errorPolicy = ErrorPolicy.closeConnection
    /// Called when the last one has closed after `closeAll`.
    var onEmpty: @MainActor () -> Void = {}

    func add(_ connection: StreamConnection) {
        byID[connection.id] = connection
        connection.loop.status.pointee.connections &+= 1
        if sweeper == nil {
            sweeper = WorkerTimer.every(1) { [unowned self] _ in
                for connection in byID.values { connection.checkTimeouts() }
            }
        }
    }

    func connectionClosed(_ connection: StreamConnection) {
        byID.removeValue(forKey: connection.id)
        guard byID.isEmpty else { return }
        sweeper?.cancel()
        sweeper = nil
        if isClosing { onEmpty() }
    }

    /// Closes them, each when its output is out.
    func closeAll() {
        isClosing = true
        for connection in byID.values { connection.driver.close(connection) }
    }

    /// Closes them at once.
    func destroyAll() {
        isClosing = true
        for connection in byID.values { connection.destroy() }
    }
}
