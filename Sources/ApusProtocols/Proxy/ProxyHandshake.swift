/// What a client does next on a connection to a proxy.
public enum ProxyHandshakeStep: Sendable, Hashable {
    /// Nothing until more bytes arrive.
    case needMore
    /// Send these bytes, then look at what was received behind the consumed bytes, if anything was.
    case send([UInt8])
    /// The tunnel stands: what follows the consumed bytes comes from the server behind the proxy.
    case done
}

/// The client's side of the conversation that opens a tunnel through a proxy, as a pure function over bytes.
///
/// Send what `open()` returns, then hand over what arrives until `receive` says `.done`. Bytes that were not consumed
/// are handed over again, with those that arrived since. One value serves one connection.
public protocol ProxyHandshake: Sendable {
    /// The first bytes to send.
    func open() -> [UInt8]

    /// Looks at the bytes received and not consumed so far; says how many of them it consumed and what to do. It never
    /// consumes a byte beyond the proxy's reply, since the server may speak right behind it.
    ///
    /// Throws `ProxyHandshakeError` when the proxy refuses or does not keep to its protocol: close the connection then.
    mutating func receive(
        _ bytes: UnsafeRawBufferPointer
    ) throws(ProxyHandshakeError) -> (consumed: Int, step: ProxyHandshakeStep)
}
