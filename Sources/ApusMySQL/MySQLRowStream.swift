import Apus

/// The rows of a statement as they come from the server, which is asked for more as they are taken.
///
/// The statement is executed when the first row is asked for, each time a loop over the rows begins. The connection is
/// taken until the last row. A loop that ends before closes the connection, which is made again for the next
/// statement; within a transaction, the rows that are left are read past instead. A statement is never executed twice.
public nonisolated struct MySQLRowStream: AsyncSequence, Sendable {
    public typealias Element = MySQLRow

    let statement: MySQLStatement
    let lend: @MainActor @Sendable () async throws -> LentLink

    init(_ statement: MySQLStatement, lend: @escaping @MainActor @Sendable () async throws -> LentLink) {
        self.statement = statement
        self.lend = lend
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(stream: self) }

    /// One way through the rows.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let stream: MySQLRowStream
        private var state: RowStreamState?

        init(stream: MySQLRowStream) { self.stream = stream }

        /// The next row; nil after the last one. Throws as `MySQLDatabase.run` does.
        public mutating func next() async throws -> MySQLRow? { try await next(isolation: nil) }

        /// The next row, for a caller that is on the loop without leaving it.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> MySQLRow? {
            if state == nil { state = try await RowStreamState.start(stream) }
            return try await state?.next()
        }
    }
}

/// A link that a stream has to itself.
struct LentLink {
    let link: MySQLLink
    let limits: StatementLimits
    /// Whether a stream that ends early closes it.
    let closesEarly: Bool
    /// To be called once, when the stream is over, with why it has failed.
    let giveBack: (LinkFailure?) -> Void
}

/// The statement that a stream executes.
@MainActor final class RowStreamState {
    private let statement: MySQLStatement
    private let lent: LentLink
    private var shape: MySQLColumns?
    private var isOver = false
    private var bytes = 0

    private init(_ statement: MySQLStatement, _ lent: LentLink) {
        self.statement = statement
        self.lent = lent
    }

    static func start(_ stream: MySQLRowStream) async throws -> RowStreamState {
        try await RowStreamState(stream.statement, stream.lend())
    }

    isolated deinit {
        guard !isOver else { return }
        guard !lent.closesEarly, lent.link.isOpen else {
            lent.link.close()
            lent.giveBack(nil)
            return
        }
        let (link, seconds, giveBack) = (lent.link, lent.limits.seconds, lent.giveBack)
        Task {
            giveBack(await link.readPast(within: seconds))
        }
    }

    func next() async throws -> MySQLRow? {
        guard !isOver else { return nil }
        let link = lent.link
        do {
            return try await link.perform(within: lent.limits.seconds) {
                if shape == nil {
                    try await link.begin(statement, lent.limits)
                    shape = MySQLColumns(link.reading?.columns ?? [])
                }
                if bytes > MySQLLink.bytesPerTurn {
                    bytes = 0
                    try await link.giveWay()
                }
                guard let row = try await link.nextRow(), let shape else {
                    // Further results of a procedure have other columns.
                    try await link.readAllPast()
                    finish(nil)
                    return nil
                }
                bytes += row.bytes + 64
                return MySQLRow(shape: shape, values: row.values)
            }
        } catch {
            finish(error)
            throw error.error
        }
    }

    private func finish(_ failure: LinkFailure?) {
        guard !isOver else { return }
        isOver = true
        lent.link.watchIdle()
        lent.giveBack(failure)
    }
}

extension MySQLLink {
    /// Reads the rows and results that are left; on failure, which is returned, the link is closed.
    func readPast(within seconds: Double) async -> LinkFailure? {
        do {
            try await perform(within: seconds) { try await readAllPast() }
            watchIdle()
            return nil
        } catch {
            close()
            return error
        }
    }

    func readAllPast() async throws {
        repeat {
            var rows = 0
            while try await nextRow() != nil {
                rows += 1
                if rows % 256 == 0 { try await giveWay() }
            }
        } while try await nextResult()
        endReading()
    }
}

extension MySQLConnection {
    /// Executes a statement and hands its rows on as they come.
    public func stream(_ statement: MySQLStatement) -> MySQLRowStream {
        MySQLRowStream(statement) { [self] in try await lend() }
    }

    /// Takes the connection for a stream.
    func lend(_ release: @escaping () -> Void = {}) async throws -> LentLink {
        try await takeTurn()
        do {
            let link = try await openLink()
            let closesEarly = !link.isInTransaction
            return LentLink(link: link, limits: limits, closesEarly: closesEarly) { [self] _ in
                endTurn()
                release()
            }
        } catch {
            endTurn()
            throw error
        }
    }
}
