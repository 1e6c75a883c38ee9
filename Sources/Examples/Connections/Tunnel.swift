import Apus

/// What the proxies among the examples have in common: a connection to a server that is joined to a client's.
enum Tunnel {
    /// Seconds without a byte in either direction after which both are closed.
    static let idleTimeout = 600.0

    /// Connects to `host:port`, calls `opened` with the server's connection, and then hands bytes on both ways. Nothing
    /// of the client is read until then. Calls `failed` with the reason when there is no connection; the client is left
    /// to it. Throws `AddressError` for what is no address.
    static func open(
        from client: Connection<Raw>, to address: String,
        opened: @escaping @MainActor (Connection<Raw>) -> Void = { _ in }, failed: @escaping @MainActor (String) -> Void
    ) throws(AddressError) {
        let server = try Connection(.raw, to: address)
        client.idleTimeout = idleTimeout
        server.idleTimeout = idleTimeout
        client.pauseReading()
        // Until they are joined neither end takes the other along.
        client.onClose = { _ in server.destroy() }
        server.onConnect = { server in
            opened(server)
            client.onClose = nil
            client.pipe(to: server)
            server.pipe(to: client)
            client.resumeReading()
        }
        server.onError = { _, code, reason in
            Worker.log(reason)
            if code == .connectFailed { failed(reason) }
        }
        server.connect()
    }

    /// Whether a client may ask for it: `host:port`. A path would lead to a Unix socket of this machine.
    static func isHostAndPort(_ text: some StringProtocol) -> Bool {
        guard let colon = text.lastIndex(of: ":"), UInt16(text[text.index(after: colon)...]) != nil else {
            return false
        }
        return text[..<colon] != "unix" && !text.contains { "/?".contains($0) }
    }
}
