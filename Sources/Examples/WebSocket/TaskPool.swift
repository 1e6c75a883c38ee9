import Apus

/// Links to the task processes, each used by one job at a time.
final class TaskPool {
    /// A link that was lost while a job was under way.
    struct Lost: Error, CustomStringConvertible {
        let description = "the task process has gone"
    }

    private final class Link {
        let connection: Connection<Text>
        init(_ connection: Connection<Text>) { self.connection = connection }
    }

    private let pool: ConnectionPool<Link>

    /// `patience`: seconds that a job waits for a free link.
    init(_ address: String, links: Int, patience: Double) {
        var options = ConnectionPoolOptions()
        options.waitTimeout = patience
        // A link keeps its process from serving other fronts: one that nobody uses is given up at once.
        options.minConnections = 0
        options.idleTimeout = 1
        pool = ConnectionPool(
            links, options: options,
            create: { Link(try await Connection.connect(.text, to: address)) },
            close: { $0.connection.destroy() })
    }

    /// Sends a job and waits for what came of it.
    func run(_ job: String) async throws -> String {
        while true {
            let link = try await pool.get()
            // Its process has left meanwhile, for a reload perhaps: nothing was sent, and another link will do.
            guard link.connection.isOpen else {
                pool.closeConnection(link)
                continue
            }
            do {
                try await link.connection.write(job)
                guard let answer = try await link.connection.nextMessage() else { throw Lost() }
                try pool.put(link)
                return answer
            } catch {
                // The answer may still be to come, and would be taken for that to another job.
                pool.closeConnection(link)
                throw error
            }
        }
    }
}
