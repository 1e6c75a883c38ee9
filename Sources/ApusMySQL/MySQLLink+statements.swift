import Apus
import CMariaDB

/// What bounds a statement and its result.
nonisolated struct StatementLimits {
    var seconds: Double
    /// Of one statement.
    var packetBytes: Int
    var resultBytes: Int
    var cachedStatements: Int
}

extension MySQLLink {
    /// Executes a statement and reads all it yields: most yield one result, procedures may yield several.
    func run(_ statement: MySQLStatement, _ limits: StatementLimits) async throws(LinkFailure) -> [MySQLResult] {
        let results = try await perform(within: limits.seconds) {
            var results: [MySQLResult] = []
            var bytes = 0
            try await begin(statement, limits)
            repeat {
                try await results.append(readResult(limits, &bytes))
            } while try await nextResult()
            endReading()
            return results
        }
        watchIdle()
        return results
    }

    /// Asks whether the server is there.
    func ping(within seconds: Double) async throws(LinkFailure) {
        try await perform(within: seconds) {
            sql = ""
            await drive {
                mysql_ping_start(cells.int, handle)
            } _: {
                mysql_ping_cont(cells.int, handle, $0)
            }
            if cells.int.pointee != 0 { throw failure() }
        }
        watchIdle()
    }

    private func readResult(_ limits: StatementLimits, _ bytes: inout Int) async throws -> MySQLResult {
        var result = MySQLResult(reading?.columns ?? [])
        var untilPause = Self.bytesPerTurn
        while reading != nil, let row = try await nextRow() {
            result.rows.append(MySQLRow(shape: result.shape, values: row.values))
            let size = row.bytes + row.values.count * MemoryLayout<MySQLValue>.stride + 32
            bytes += size
            guard bytes <= limits.resultBytes else {
                throw LinkFailure(
                    MySQLError.tooLarge("the result has more than \(limits.resultBytes) bytes: stream it", sql: sql),
                    isLost: true)
            }
            untilPause -= size
            if untilPause < 0 {
                untilPause = Self.bytesPerTurn
                try await giveWay()
            }
        }
        noteCounts(&result)
        return result
    }

    /// What is read before others have their turn: a fraction of a millisecond.
    static var bytesPerTurn: Int { 128 * 1024 }

    private func noteCounts(_ result: inout MySQLResult) {
        let statement = (reading as? PreparedRows)?.statement ?? preparedWithoutRows
        let affected = statement.map { mysql_stmt_affected_rows($0) } ?? mysql_affected_rows(handle)
        let id = statement.map { mysql_stmt_insert_id($0) } ?? mysql_insert_id(handle)
        result.affectedRows = result.columns.isEmpty ? Int(clamping: affected) : result.rows.count
        result.lastInsertID = result.columns.isEmpty && id != 0 ? UInt(id) : nil
        result.warningCount = Int(mysql_warning_count(handle))
    }

    // MARK: Steps of a statement

    /// Executes a statement; then its rows can be read.
    func begin(_ statement: MySQLStatement, _ limits: StatementLimits) async throws {
        sql = statement.sql
        let bytes = statement.parameters.reduce(sql.utf8.count) { $0 + $1.byteCount }
        guard bytes <= limits.packetBytes else {
            throw LinkFailure(MySQLError.tooLarge("the statement has more than \(limits.packetBytes) bytes", sql: sql))
        }
        if statement.parameters.isEmpty {
            try await beginText()
        } else {
            try await beginPrepared(statement, limits)
        }
    }

    private func beginText() async throws {
        let text = SentText(sql)
        defer { text.free() }
        await drive {
            mysql_real_query_start(cells.int, handle, text.start, text.count)
        } _: {
            mysql_real_query_cont(cells.int, handle, $0)
        }
        guard cells.int.pointee == 0 else { throw failure() }
        try useTextResult()
    }

    private func useTextResult() throws {
        guard mysql_field_count(handle) > 0 else { return }
        guard let result = mysql_use_result(handle) else { throw failure() }
        reading = TextRows(result)
    }

    private func beginPrepared(_ statement: MySQLStatement, _ limits: StatementLimits) async throws {
        let prepared = try await prepare(limits)
        let expected = Int(mysql_stmt_param_count(prepared))
        guard expected == statement.parameters.count else {
            throw LinkFailure(
                MySQLError.wrongParameterCount(expected: expected, given: statement.parameters.count, sql: sql))
        }
        let parameters = ParameterBinding(statement.parameters)
        defer { parameters.free() }
        guard mysql_stmt_bind_param(prepared, parameters.binds) == 0 else { throw failure(of: prepared) }
        await drive {
            mysql_stmt_execute_start(cells.int, prepared)
        } _: {
            mysql_stmt_execute_cont(cells.int, prepared, $0)
        }
        if cells.int.pointee != 0 {
            let failure = failure(of: prepared)
            let code = mysql_stmt_errno(prepared)
            // The server does not know it any more.
            if [1243, 1615].contains(code) { statements.retire(sql) }
            guard code == UInt32(CR_NEW_STMT_METADATA), handle.pointee.field_count > 0 else { throw failure }
            adoptColumns(prepared)
        }
        try usePreparedResult(prepared)
    }

    private func usePreparedResult(_ prepared: UnsafeMutablePointer<MYSQL_STMT>) throws {
        preparedWithoutRows = nil
        guard mysql_stmt_field_count(prepared) > 0 else {
            preparedWithoutRows = prepared
            return
        }
        // Those of the statement have the names that were there when it was prepared.
        let isDescribed = handle.pointee.field_count == mysql_stmt_field_count(prepared)
        let rows = PreparedRows(prepared, fields: isDescribed ? handle.pointee.fields : nil)
        reading = rows
        guard rows.bindAll() else { throw failure(of: prepared) }
    }

    /// The table has more or fewer columns than when the statement was prepared. libmariadb has executed it and has
    /// read what they are, and would refuse to read the rows. The statement is prepared anew the next time.
    private func adoptColumns(_ prepared: UnsafeMutablePointer<MYSQL_STMT>) {
        prepared.pointee.field_count = handle.pointee.field_count
        prepared.pointee.fields = handle.pointee.fields
        prepared.pointee.bind = nil
        prepared.pointee.bind_result_done = 0
        statements.retire(sql)
    }

    private func prepare(_ limits: StatementLimits) async throws -> UnsafeMutablePointer<MYSQL_STMT> {
        while let retired = statements.takeRetired() { await close(retired) }
        if let prepared = statements.use(sql) { return prepared }
        while statements.count >= max(1, limits.cachedStatements), let oldest = statements.takeOldest() {
            await close(oldest)
        }
        guard let prepared = mysql_stmt_init(handle) else { throw failure() }
        let text = SentText(sql)
        defer { text.free() }
        await drive {
            mysql_stmt_prepare_start(cells.int, prepared, text.start, text.count)
        } _: {
            mysql_stmt_prepare_cont(cells.int, prepared, $0)
        }
        guard cells.int.pointee == 0 else {
            var failure = failure(of: prepared)
            // Nothing was executed yet.
            failure.isUnsent = failure.isLost
            await close(prepared)
            throw failure
        }
        statements.keep(prepared, for: sql)
        return prepared
    }

    private func close(_ prepared: UnsafeMutablePointer<MYSQL_STMT>) async {
        await drive {
            mysql_stmt_close_start(cells.flag, prepared)
        } _: {
            mysql_stmt_close_cont(cells.flag, prepared, $0)
        }
    }

    /// The next row and its bytes; nil after the last one.
    func nextRow() async throws -> (values: [MySQLValue], bytes: Int)? {
        switch reading {
        case let rows as TextRows:
            await drive {
                mysql_fetch_row_start(cells.row, rows.result)
            } _: {
                mysql_fetch_row_cont(cells.row, rows.result, $0)
            }
            if let row = cells.row.pointee { return rows.values(row) }
            guard mysql_errno(handle) == 0 else { throw failure() }
            return nil
        case let rows as PreparedRows:
            await drive {
                mysql_stmt_fetch_start(cells.int, rows.statement)
            } _: {
                mysql_stmt_fetch_cont(cells.int, rows.statement, $0)
            }
            switch cells.int.pointee {
            case 0, Int32(MYSQL_DATA_TRUNCATED):
                if let row = rows.values() { return row }
                throw failure(of: rows.statement)
            case Int32(MYSQL_NO_DATA): return nil
            default: throw failure(of: rows.statement)
            }
        default: return nil
        }
    }

    /// Goes on to the next result of a statement that yields several. False when there is none.
    func nextResult() async throws -> Bool {
        if let rows = reading as? PreparedRows { return try await nextResult(of: rows.statement) }
        if let prepared = preparedWithoutRows { return try await nextResult(of: prepared) }
        endReading()
        guard mysql_more_results(handle) != 0 else { return false }
        await drive {
            mysql_next_result_start(cells.int, handle)
        } _: {
            mysql_next_result_cont(cells.int, handle, $0)
        }
        guard cells.int.pointee <= 0 else { throw failure() }
        guard cells.int.pointee == 0 else { return false }
        try useTextResult()
        return true
    }

    private func nextResult(of prepared: UnsafeMutablePointer<MYSQL_STMT>) async throws -> Bool {
        endReading()
        guard mysql_stmt_more_results(prepared) != 0 else { return false }
        await drive {
            mysql_stmt_next_result_start(cells.int, prepared)
        } _: {
            mysql_stmt_next_result_cont(cells.int, prepared, $0)
        }
        guard cells.int.pointee <= 0 else { throw failure(of: prepared) }
        guard cells.int.pointee == 0 else { return false }
        try usePreparedResult(prepared)
        return true
    }

    /// Lets go of rows that were all read.
    func endReading() {
        reading?.free()
        reading = nil
        preparedWithoutRows = nil
    }
}

/// The bytes of a statement, which libmariadb looks at until it has sent them all.
private struct SentText {
    let start: UnsafeMutablePointer<CChar>
    let count: UInt

    init(_ text: String) {
        let bytes = Array(text.utf8)
        count = UInt(bytes.count)
        // To some calls a length of 0 says that a zero byte ends the text.
        let start = UnsafeMutableRawPointer.allocate(byteCount: bytes.count + 1, alignment: 1)
        start.storeBytes(of: 0, toByteOffset: bytes.count, as: UInt8.self)
        bytes.withUnsafeBytes { if let from = $0.baseAddress { start.copyMemory(from: from, byteCount: $0.count) } }
        self.start = start.assumingMemoryBound(to: CChar.self)
    }

    func free() { start.deallocate() }
}
