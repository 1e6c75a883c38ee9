public import Apus

/// Connections to one MySQL or MariaDB server that the tasks of this process share. Each statement takes one that is
/// free, a transaction or a stream one for as long as it lasts.
///
///     let pool = try MySQLPool("mysql://app:secret@10.0.0.5/shop", maxConnections: 50)
///     let count = try await pool.single("SELECT COUNT(*) FROM users")?.int
///
/// Tasks that find none free wait, first come, first served, see `ConnectionPoolOptions`. It may be made before the
/// workers run; every process has its own.
public final class MySQLPool: MySQLDatabase {
    private let connections: ConnectionPool<MySQLConnection>

    /// A pool for the server at `address`, see `MySQLConnection`.
    public init(
        _ address: String, maxConnections: Int = 10, options: MySQLOptions = MySQLOptions(),
        pool: ConnectionPoolOptions = ConnectionPoolOptions()
    ) throws(MySQLError) {
        // Faults in the address show at once.
        _ = try MySQLConnection(address, options: options)
        connections = ConnectionPool(maxConnections, options: pool) {
            let connection = try MySQLConnection(address, options: options)
            try await connection.connect()
            return connection
        } close: {
            $0.close()
        } heartbeat: {
            try await $0.ping()
        }
    }

    nonisolated deinit {}

    /// Connections that are open, in use or not, and those that are being made.
    public var connectionCount: Int { connections.connectionCount }
    /// Connections that nobody uses.
    public var idleCount: Int { connections.idleCount }
    /// Tasks that wait for a connection.
    public var waitingCount: Int { connections.waitingCount }

    /// Lends one connection to `body`: for statements that need the same session. A transaction that was begun by a
    /// statement, rather than by `transaction`, and not ended is rolled back.
    public func withConnection<Result>(
        _ body: @MainActor (MySQLConnection) async throws -> Result
    ) async throws -> Result {
        let connection = try await connections.get()
        do {
            let result = try await body(connection)
            await takeBack(connection)
            return result
        } catch {
            await takeBack(connection)
            throw error
        }
    }

    public func run(_ statement: MySQLStatement) async throws -> [MySQLResult] {
        try await withConnection { try await $0.run(statement) }
    }

    public func beginTransaction() async throws -> MySQLTransaction {
        let connection = try await connections.get()
        do {
            return try await connection.beginTransaction { [connections] in try? connections.put(connection) }
        } catch {
            await takeBack(connection)
            throw error
        }
    }

    public func stream(_ statement: MySQLStatement) -> MySQLRowStream {
        MySQLRowStream(statement) { [connections] in
            let connection = try await connections.get()
            do {
                return try await connection.lend { try? connections.put(connection) }
            } catch {
                try? connections.put(connection)
                throw error
            }
        }
    }

    /// Closes the pool: tasks that wait fail, and connections in use are closed when they are given back.
    public func close() { connections.close() }

    private func takeBack(_ connection: MySQLConnection) async {
        if connection.hasStrayTransaction {
            // In a task of its own, since this one may be cancelled.
            let isClean = await Task { (try? await connection.run(MySQLStatement("ROLLBACK"))) != nil }.value
            if !isClean { return connections.closeConnection(connection) }
        }
        try? connections.put(connection)
    }
}
