/// Why a statement has no result, or a connection was not made.
public nonisolated enum MySQLError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The server refused the statement. `code` and `sqlState` are those of the MySQL manual.
    case refused(code: Int, sqlState: String, message: String, sql: String)
    /// There was no connection in time. The statement was not sent.
    case unavailable(String)
    /// The server refuses the user, the password or the database, or does not prove who it is. Nothing was sent.
    case loginFailed(String)
    /// The connection broke before the result was there. The statement may have been executed, or a part of it. A
    /// transaction that was open is rolled back by the server, unless the statement was its COMMIT.
    case connectionLost(String, sql: String)
    /// The result was not there in time; the connection was closed. The server may still be executing the statement.
    case timedOut(sql: String)
    /// The server said what no server says.
    case protocolViolation(String, sql: String)
    /// The statement or its result is larger than `MySQLOptions` allow.
    case tooLarge(String, sql: String)
    /// As many statements as may wait for the connection do so already. The statement was not sent.
    case tooManyWaiting(Int)
    /// Others held the connection for so many seconds. The statement was not sent.
    case busy(seconds: Double)
    /// The transaction's body used its connection beside the transaction, which would wait for itself for ever.
    case heldByTransaction
    /// The transaction was committed or rolled back before. The statement was not sent.
    case transactionOver(String)
    /// The number of values is not the number of placeholders. The statement was not sent.
    case wrongParameterCount(expected: Int, given: Int, sql: String)
    /// No value was given for `:name`, or the statement has no such placeholder. It was not sent.
    case unboundName(String, sql: String)
    /// The builder lacks something. Nothing was sent.
    case incompleteStatement(String)
    /// The connection was closed.
    case closed
    /// The address of the server cannot be understood.
    case invalidAddress(String, reason: String)

    /// Whether the server may have executed the statement, or a part of it, or may do so yet.
    public var mayHaveBeenExecuted: Bool {
        switch self {
        case .connectionLost, .timedOut, .protocolViolation: true
        default: false
        }
    }

    /// The code of the server's own error, such as 1062 for a key that is there already.
    public var code: Int? {
        if case .refused(let code, _, _, _) = self { code } else { nil }
    }

    /// One line for the log. It shows the beginning of the statement, without the values of placeholders.
    public var description: String {
        switch self {
        case .refused(let code, let state, let message, let sql):
            "MySQL refuses (\(code), \(state)): \(message)\(Self.shown(sql))"
        case .unavailable(let reason): "MySQL cannot be reached: \(reason)"
        case .loginFailed(let reason): "MySQL login failed: \(reason)"
        case .connectionLost(let reason, let sql):
            "the connection to MySQL broke before the result came: \(reason)\(Self.shown(sql))"
        case .timedOut(let sql): "MySQL did not answer in time\(Self.shown(sql))"
        case .protocolViolation(let reason, let sql):
            "MySQL sent what cannot be understood: \(reason)\(Self.shown(sql))"
        case .tooLarge(let reason, let sql): "\(reason)\(Self.shown(sql))"
        case .tooManyWaiting(let count): "\(count) statements wait for the connection to MySQL already"
        case .busy(let seconds): "others held the connection to MySQL for \(seconds) s: use a pool, or a larger one"
        case .heldByTransaction:
            "a transaction holds this connection: use what its body is given, not the connection itself"
        case .transactionOver(let reason): "the transaction is over: \(reason)"
        case .wrongParameterCount(let expected, let given, let sql):
            "\(expected) values were expected, not \(given)\(Self.shown(sql))"
        case .unboundName(let name, let sql):
            "\":\(name)\" does not stand both in statement and values\(Self.shown(sql))"
        case .incompleteStatement(let reason): "the statement is not complete: \(reason)"
        case .closed: "the connection to MySQL was closed"
        case .invalidAddress(let text, let reason): "address \"\(text)\": \(reason)"
        }
    }

    private static func shown(_ sql: String) -> String {
        sql.isEmpty ? "" : sql.count > 300 ? ", in: \(sql.prefix(300))…" : ", in: \(sql)"
    }
}
