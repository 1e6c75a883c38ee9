/// What happens when a connection's callback throws and no `errorHandler` is set.
public nonisolated enum ErrorPolicy: Sendable, Hashable {
    /// The error is logged and the connection closed; an HTTP request is answered 500 first. An
    /// `HTTPError` only decides about the answer, whatever the policy.
    case closeConnection
    /// The error is logged, and the process flushes and closes its connections, ends with code 250 and is replaced:
    /// for programs that cannot trust their state any more.
    case terminateWorker
}
