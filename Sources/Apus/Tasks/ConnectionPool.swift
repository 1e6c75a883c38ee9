/// Connections that the tasks of this process share: each is used by one task at a time.
///
///     let pool = ConnectionPool<Link>(50, create: { try await Link.open() }, close: { $0.close() })
///     let answer = try await pool.withConnection { try await $0.ask("…") }
///
/// A connection is made when a task wants one and none is free, until there are as many as allowed; those that are
/// being made count. Further tasks wait, first come, first served. Once a second, connections that nobody uses are
/// looked after: those beyond the minimum are closed when they have been idle for long, the others are tried with the
/// heartbeat, and one that fails it is closed.
@MainActor public final class ConnectionPool<Member: AnyObject> {
    /// The most connections that there are at a time, those that are being made included.
    public let maxConnections: Int
    private let options: ConnectionPoolOptions
    private let create: @MainActor () async throws -> Member
    private let closer: @MainActor (Member) -> Void
    private let heartbeat: (@MainActor (Member) async throws -> Void)?
    private var entries: [ObjectIdentifier: Entry] = [:]
    /// The one used last is at the end, and used next: so those that are not needed grow old.
    private var idle: [Entry] = []
    private let line = WaitingLine<Member>()
    private var creations = 0
    private var isClosed = false
    private var timer: WorkerTimer?

    private final class Entry {
        let connection: Member
        var isIdle = false
        /// Monotonic nanoseconds.
        var idleSince: Int64 = 0
        var checkedAt: Int64 = 0

        init(_ connection: Member) { self.connection = connection }

        nonisolated deinit {}
    }

    /// A pool of at most `maxConnections`. `create` makes one, `close` ends one, and `heartbeat` throws when one is of
    /// no use any more. It may be made before the workers run.
    public init(
        _ maxConnections: Int, options: ConnectionPoolOptions = ConnectionPoolOptions(),
        create: @escaping @MainActor () async throws -> Member,
        close: @escaping @MainActor (Member) -> Void,
        heartbeat: (@MainActor (Member) async throws -> Void)? = nil
    ) {
        precondition(maxConnections > 0, "a pool has at least one connection, not \(maxConnections)")
        self.maxConnections = maxConnections
        self.options = options
        self.create = create
        closer = close
        self.heartbeat = heartbeat
    }

    isolated deinit {
        timer?.cancel()
        for entry in idle { closer(entry.connection) }
    }

    /// Connections that are open, in use or not, and those that are being made.
    public var connectionCount: Int { entries.count + creations }
    /// Connections that are open and that nobody uses.
    public var idleCount: Int { idle.count }
    /// Tasks that wait for a connection.
    public var waitingCount: Int { line.count }

    // MARK: Taking and giving back

    /// Lends a connection to `body`, and takes it back when that is over.
    public func withConnection<Result>(_ body: @MainActor (Member) async throws -> Result) async throws -> Result {
        let connection = try await get()
        defer { takeBack(connection) }
        return try await body(connection)
    }

    /// A connection of your own until you `put` it back. Throws `ConnectionPoolError`, what making a connection threw,
    /// or `CancellationError`.
    public func get() async throws -> Member {
        try Task.checkCancellation()
        guard !isClosed else { throw ConnectionPoolError.closed }
        if let entry = idle.popLast() {
            entry.isIdle = false
            return entry.connection
        }
        guard line.count < options.maxWaiting else { throw ConnectionPoolError.tooManyWaiting(line.count) }
        let seconds = options.waitTimeout
        let place = line.enter(atMost: seconds, otherwise: ConnectionPoolError.timedOut(after: seconds))
        createIfWanted()
        let connection = try await place.value()
        // It was handed over as the task was being cancelled: others may use it.
        if Task.isCancelled {
            takeBack(connection)
            throw CancellationError()
        }
        return connection
    }

    /// Gives a connection back. Throws when it is not one of this pool's that is in use.
    public func put(_ connection: Member) throws(ConnectionPoolError) {
        guard let entry = entries[ObjectIdentifier(connection)], entry.connection === connection else {
            throw .foreignConnection
        }
        guard !entry.isIdle else { throw .notInUse }
        release(entry)
    }

    /// Closes one connection, in use or not. Does nothing when it is not one of this pool's any more.
    public func closeConnection(_ connection: Member) {
        guard let entry = entries.removeValue(forKey: ObjectIdentifier(connection)) else { return }
        if entry.isIdle { idle.removeAll { $0 === entry } }
        closer(connection)
        createIfWanted()
    }

    /// Closes the connections that nobody uses, whatever their number. Others are made when they are wanted.
    public func closeConnections() {
        for entry in idle { closeConnection(entry.connection) }
    }

    /// Closes the pool: tasks that wait fail, and connections in use are closed when they are given back.
    public func close() {
        isClosed = true
        timer?.cancel()
        timer = nil
        line.failAll(ConnectionPoolError.closed)
        closeConnections()
    }

    private func takeBack(_ connection: Member) {
        // It may have been closed, or put back, by the one who had it.
        guard let entry = entries[ObjectIdentifier(connection)], !entry.isIdle else { return }
        release(entry)
    }

    private func release(_ entry: Entry) {
        if isClosed { return closeConnection(entry.connection) }
        entry.idleSince = EventLoop.current.now
        entry.checkedAt = entry.idleSince
        makeAvailable(entry)
    }

    /// For the first who waits, else for the next who comes.
    private func makeAvailable(_ entry: Entry) {
        guard !line.hand(entry.connection) else { return }
        entry.isIdle = true
        idle.append(entry)
        startTimer()
    }

    // MARK: Making connections

    /// Makes connections for tasks that wait, and for none that a connection is being made for.
    private func createIfWanted() {
        while !isClosed, creations < line.count, connectionCount < maxConnections {
            creations += 1
            // A task of its own: who asked for it may be cancelled, and another gets it.
            Task(executorPreference: EventLoop.current.taskExecutor) { await self.createOne() }
        }
    }

    private func createOne() async {
        let result: Result<Member, any Error>
        do {
            result = .success(try await create())
        } catch {
            result = .failure(error)
        }
        creations -= 1
        switch result {
        case .success(let connection):
            guard !isClosed else { return closer(connection) }
            let entry = Entry(connection)
            entries[ObjectIdentifier(connection)] = entry
            entry.idleSince = EventLoop.current.now
            entry.checkedAt = entry.idleSince
            makeAvailable(entry)
        case .failure(let error):
            line.fail(error)
            createIfWanted()
        }
    }

    // MARK: Looking after them

    private func startTimer() {
        guard timer == nil else { return }
        timer = WorkerTimer.every(1) { [weak self] _ in self?.lookAfterIdle() }
    }

    private func lookAfterIdle() {
        if entries.isEmpty {
            timer?.cancel()
            timer = nil
            return
        }
        let now = EventLoop.current.now
        // Those that were not used for longest are at the front.
        let old = idle.filter { Double(now - $0.idleSince) / 1e9 >= options.idleTimeout }
        for entry in old.prefix(max(0, entries.count - options.minConnections)) {
            closeConnection(entry.connection)
        }
        guard let heartbeat else { return }
        for entry in idle where Double(now - entry.checkedAt) / 1e9 >= options.heartbeatInterval {
            idle.removeAll { $0 === entry }
            entry.isIdle = false
            Task(executorPreference: EventLoop.current.taskExecutor) { await self.check(entry, heartbeat) }
        }
    }

    private func check(_ entry: Entry, _ heartbeat: @MainActor (Member) async throws -> Void) async {
        do {
            try await heartbeat(entry.connection)
        } catch {
            return closeConnection(entry.connection)
        }
        guard entries[ObjectIdentifier(entry.connection)] === entry else { return }
        if isClosed { return closeConnection(entry.connection) }
        entry.checkedAt = EventLoop.current.now
        guard !line.hand(entry.connection) else { return }
        entry.isIdle = true
        // Nobody has used it: it is as old as before.
        let place = idle.firstIndex { $0.idleSince > entry.idleSince } ?? idle.endIndex
        idle.insert(entry, at: place)
    }
}
