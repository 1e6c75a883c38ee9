/// What the messages are to each other that go and come on connections that speak no HTTP.
public nonisolated enum LoadExchange: String, Sendable, CaseIterable {
    /// Each message that is sent is answered by one on the same connection.
    case answers
    /// Each message that is sent comes to all connections, to its own as well. A latency counts for each connection,
    /// from when the message was due. The messages of one connection count as heard in the order they were due.
    case broadcasts
    /// The server sends by itself. Connections send the body once, if there is one, and count what comes; a latency is
    /// the time between two messages of a connection.
    case pushes
}
