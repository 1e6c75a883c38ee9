/// What can go wrong with a request.
public nonisolated enum LoadErrorKind: UInt8, Sendable, CaseIterable {
    /// No connection: refused, unreachable, no answer in time.
    case connect
    /// A connection, but no TLS session: a certificate that proves nothing, or a server that speaks no TLS.
    case tls
    /// Receiving failed: mostly a reset by the peer.
    case read
    /// Sending failed.
    case write
    /// The response was not complete in time.
    case timeout
    /// The peer closed before the response, or in the middle of it.
    case closedEarly
    /// What came is no HTTP/1.1 response.
    case malformed
    /// The response is not what the options expect.
    case unexpected

    /// The name in the JSON report.
    public var name: String { self == .closedEarly ? "closed_early" : "\(self)" }

    /// The name in the text report.
    public var title: String { self == .closedEarly ? "closed early" : "\(self)" }
}
