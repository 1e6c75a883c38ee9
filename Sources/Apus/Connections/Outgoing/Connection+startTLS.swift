extension Connection {
    /// Speaks TLS from here on, on an outgoing connection that was plain so far: for protocols that agree on it first,
    /// as `STARTTLS` does. Call it from the callback that gets the server's consent, when all that was to be sent
    /// plainly is sent; what is sent from then on waits for the handshake, and nobody's plain bytes are taken for the
    /// server's. A handshake that fails closes the connection (`onError` with `.connectFailed`). The name that the
    /// certificate has to be for is the one that was connected to, unless the options say otherwise.
    ///
    /// Throws `TLSError` when the connection is none that TLS can begin on, or the options cannot be used.
    public func startTLS(_ options: TLSClientOptions = TLSClientOptions()) throws(TLSError) {
        if let reason = transport.startTLS(options) { throw TLSError(description: reason) }
    }
}

extension StreamConnection {
    /// Returns why TLS cannot begin.
    func startTLS(_ options: TLSClientOptions) -> String? {
        guard let outgoing = extras?.outgoing, state == .established, tls == nil else {
            return "TLS begins on an outgoing connection that is open and plain"
        }
        if isCorked { uncork() }
        guard state == .established, pendingSendBytes == 0 else { return "plain bytes are still to be sent" }
        if let reason = beginSession(outgoing, options) { return reason }
        // Who gets messages now sees none that came in the same packets as the consent: anybody on the way could have
        // put them there.
        pauses.insert(.handshake)
        register()
        stamp = shared.pointee.second
        let session = tls
        loop.execute { [self] in
            guard state != .closed, tls == session else { return }
            beginHandshake()
        }
        return nil
    }

    private func beginHandshake() {
        pauses.remove(.handshake)
        guard partial.count == 0 else {
            handshakeFailed(Self.spokeTooEarly)
            return destroy()
        }
        watchInput(true)
        if isSecuring { receive() }
    }
}
