/// What becomes of the body of a request; see `Worker.bodyPolicy`.
public nonisolated enum HTTPBodyPolicy: Sendable, Hashable {
    /// The request is delivered with its body, which is in memory then. A body of more bytes is answered 413.
    case memory(upTo: Int)
    /// The request is delivered as soon as its head is there, and the body is taken through `bodyStream`,
    /// `receiveForm` or `saveBody`. A body of more bytes is answered 413 if its length was announced; otherwise whoever
    /// takes it gets that error.
    case stream(upTo: Int)
}
