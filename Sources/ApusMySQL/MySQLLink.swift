import Apus
import CMariaDB

/// One connection to the server: a handle of libmariadb, whose calls that would wait are continued by the loop.
///
/// It does one thing at a time, and is gone when that fails in a way that leaves it of no use.
@MainActor final class MySQLLink {
    let handle: UnsafeMutablePointer<MYSQL>
    let cells = LinkCells()
    /// Watched; −1 when there is none.
    private var fd: Int32 = -1
    private var isWatchingRead = false
    private var isWatchingWrite = false
    /// What is called when the server closes the connection while it is not used.
    var onEnd: () -> Void = {}
    private(set) var isOpen = true

    /// The operation that runs, counted from 1; 0 for none.
    private var operation = 0
    private var operations = 0
    /// Why it has to end.
    private var end: End?
    private var deadline: Int64 = .max
    private var waiting: CheckedContinuation<Int32, Never>?
    private var awaited: Int32 = 0
    private var timer: WorkerTimer?
    /// The attempt to connect that runs on a thread.
    private var connecting: ConnectThread?

    /// The statement whose rows are being read.
    var reading: (any RowReader)?
    /// A prepared statement that was executed and yields no rows.
    var preparedWithoutRows: UnsafeMutablePointer<MYSQL_STMT>?
    var sql = ""
    var statements = StatementCache()

    enum End { case timedOut, cancelled, closed }

    /// nil when memory is out.
    init?() {
        guard let handle = mysql_init(nil) else { return nil }
        self.handle = handle
    }

    isolated deinit { dispose() }

    /// Whether the server has a transaction open, as far as it has said.
    var isInTransaction: Bool { handle.pointee.server_status & UInt32(SERVER_STATUS_IN_TRANS) != 0 }

    // MARK: Operations

    /// Does one thing that may wait for the server, for `seconds` at most. Whatever ends it early closes the link.
    func perform<Result>(
        within seconds: Double, _ body: () async throws -> Result
    ) async throws(LinkFailure) -> Result {
        guard isOpen else { throw LinkFailure(MySQLError.closed, isLost: true, isUnsent: true) }
        if Task.isCancelled { throw LinkFailure(CancellationError()) }
        precondition(operation == 0, "a connection to MySQL does one thing at a time")
        operations += 1
        operation = operations
        deadline = EventLoop.current.now + Int64(min(seconds, 1e9) * 1e9)
        let id = operation
        defer { operation = 0 }
        do {
            let result = try await withTaskCancellationHandler {
                try await body()
            } onCancel: {
                EventLoop.soon { self.stop(id, .cancelled) }
            }
            // What came just in time counts, on a link that was told to close.
            if end != nil { dispose() }
            return result
        } catch {
            throw failed(error)
        }
    }

    private func failed(_ error: any Error) -> LinkFailure {
        var failure = error as? LinkFailure ?? LinkFailure(error, isLost: true)
        switch end {
        case .timedOut: failure = LinkFailure(MySQLError.timedOut(sql: sql), isLost: true)
        case .cancelled: failure = LinkFailure(CancellationError(), isLost: true)
        case .closed: failure = LinkFailure(MySQLError.closed, isLost: true)
        case nil: break
        }
        if handle.pointee.net.pvio == nil { failure.isLost = true }
        if failure.isLost { dispose() } else { endReading() }
        return failure
    }

    private func stop(_ id: Int, _ reason: End) {
        guard operation == id, end == nil, isOpen else { return }
        end = reason
        connecting?.stop()
        wake(MYSQL_WAIT_TIMEOUT)
    }

    /// Runs a call of libmariadb to its end. `start` and `go` return what it waits for; 0 when it is over.
    func drive(_ start: () -> Int32, _ go: (Int32) -> Int32) async {
        var status = start()
        stepped()
        while status != 0 {
            let ready = await readiness(for: status)
            // The socket goes before the call continues, so that nothing in it waits once more.
            if ready & MYSQL_WAIT_TIMEOUT != 0, fd >= 0 { shutdown(fd, Int32(SHUT_RDWR)) }
            status = go(ready)
            stepped()
        }
    }

    /// libmariadb opens and closes the socket within its calls.
    private func stepped() {
        let socket = mysql_get_socket(handle)
        if socket != fd {
            unwatch()
            fd = socket
        }
    }

    /// Runs the calls that connect to their end, on a thread.
    func driveOnThread(_ start: @escaping @Sendable () -> Int32, _ go: @escaping @Sendable (Int32) -> Int32) async {
        let thread = ConnectThread()
        connecting = thread
        let seconds = Double(deadline - EventLoop.current.now) / 1e9
        let id = operation
        let timer = WorkerTimer.after(max(0, seconds)) { [weak self] _ in self?.stop(id, .timedOut) }
        // The thread's alone until it is over.
        nonisolated(unsafe) let handle = handle
        await thread.run(start, go) { mysql_get_socket(handle) }
        timer.cancel()
        connecting = nil
        stepped()
        // libmariadb leaves it waiting after the handshake.
        if fd >= 0 { _ = cmariadb_do_not_wait(fd) }
    }

    private func readiness(for status: Int32) async -> Int32 {
        guard end == nil else { return MYSQL_WAIT_TIMEOUT }
        guard fd >= 0 else { return status }
        watchWrite(status & MYSQL_WAIT_WRITE != 0)
        if status & MYSQL_WAIT_READ != 0 { watchRead() }
        let seconds = Double(deadline - EventLoop.current.now) / 1e9
        let id = operation
        timer = WorkerTimer.after(max(0, seconds)) { [weak self] _ in self?.stop(id, .timedOut) }
        awaited = status
        let ready = await withCheckedContinuation { waiting = $0 }
        watchWrite(false)
        return ready
    }

    private func wake(_ ready: Int32) {
        guard let waiting else { return }
        self.waiting = nil
        timer?.cancel()
        timer = nil
        waiting.resume(returning: ready)
    }

    /// Lets the loop do other things. Long results come faster than they can be waited for.
    func giveWay() async throws {
        await withCheckedContinuation { continuation in EventLoop.current.execute { continuation.resume() } }
        if EventLoop.current.now >= deadline, end == nil { end = .timedOut }
        if end != nil { throw LinkFailure(MySQLError.closed, isLost: true) }
    }

    // MARK: Watching the socket

    private func watchRead() {
        guard !isWatchingRead else { return }
        isWatchingRead = true
        EventLoop.current.watchRead(fd) { [weak self] in self?.readable() }
    }

    private func watchWrite(_ wanted: Bool) {
        guard wanted != isWatchingWrite, fd >= 0 else { return }
        isWatchingWrite = wanted
        if wanted {
            EventLoop.current.watchWrite(fd) { [weak self] in self?.wake(MYSQL_WAIT_WRITE) }
        } else {
            EventLoop.current.unwatchWrite(fd)
        }
    }

    private func unwatch() {
        guard fd >= 0 else { return }
        if isWatchingRead { EventLoop.current.unwatchRead(fd) }
        if isWatchingWrite { EventLoop.current.unwatchWrite(fd) }
        isWatchingRead = false
        isWatchingWrite = false
    }

    private func readable() {
        if waiting != nil, awaited & MYSQL_WAIT_READ != 0 { return wake(MYSQL_WAIT_READ) }
        if operation != 0 || reading != nil {
            // It is read when the rows before it have been taken.
            EventLoop.current.unwatchRead(fd)
            isWatchingRead = false
        } else {
            // A server that is not asked only says farewell.
            close()
            onEnd()
        }
    }

    /// Notices when the server closes the connection while it is not used.
    func watchIdle() {
        if isOpen, fd >= 0 { watchRead() }
    }

    /// Whether the server has closed the connection, or said something unasked, and the loop has not noticed yet.
    func isDeserted() -> Bool {
        var byte: UInt8 = 0
        return recv(fd, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) >= 0
    }

    // MARK: The end

    /// Closes the connection. What runs on it fails, and closes it then.
    func close() {
        if operation != 0 { stop(operation, .closed) } else { dispose() }
    }

    private func dispose() {
        guard isOpen else { return }
        isOpen = false
        unwatch()
        // A farewell is sent where that cannot wait.
        if fd >= 0, operation != 0 || reading != nil { shutdown(fd, Int32(SHUT_RDWR)) }
        fd = -1
        reading?.free()
        reading = nil
        mysql_close(handle)
        statements.freeAll()
        cells.free()
    }

    /// What the last call on the handle failed with.
    func failure() -> LinkFailure {
        LinkFailure(
            code: mysql_errno(handle), state: String(cString: mysql_sqlstate(handle)),
            message: String(cString: mysql_error(handle)), sql: sql)
    }

    /// What the last call on a prepared statement failed with.
    func failure(of statement: UnsafeMutablePointer<MYSQL_STMT>) -> LinkFailure {
        // What comes among the rows is noted at the handle alone.
        if mysql_stmt_errno(statement) == 0 { return failure() }
        return LinkFailure(
            code: mysql_stmt_errno(statement), state: String(cString: mysql_stmt_sqlstate(statement)),
            message: String(cString: mysql_stmt_error(statement)), sql: sql)
    }
}

/// Where calls of libmariadb leave their results while they wait.
struct LinkCells {
    let int = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    let flag = UnsafeMutablePointer<my_bool>.allocate(capacity: 1)
    let row = UnsafeMutablePointer<MYSQL_ROW?>.allocate(capacity: 1)
    let handle = UnsafeMutablePointer<UnsafeMutablePointer<MYSQL>?>.allocate(capacity: 1)

    func free() {
        int.deallocate()
        flag.deallocate()
        row.deallocate()
        handle.deallocate()
    }
}
