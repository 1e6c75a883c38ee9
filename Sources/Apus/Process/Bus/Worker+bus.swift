import ApusProtocols

extension Worker where P == Raw {
    /// Messages between the processes of this program.
    public static var bus: ProcessBus { ProcessBus.shared }
}

extension Worker where P: PacketProtocol {
    /// Sends a message to the clients of all processes of this worker. It is made into a packet once, by the protocol
    /// as the worker was given it: not for protocols with a state for each connection. Throws what the protocol does
    /// for a message that it cannot send.
    ///
    /// - Returns: how many other processes it was taken for.
    @discardableResult
    public func broadcastAll(_ message: P.Outbound) throws -> Int {
        var packet: [UInt8] = []
        try wireProtocol.encode(message, into: &packet)
        giveToClients(.bytes, packet)
        return ProcessBus.shared.sendToClients(.bytes, of: self, packet)
    }
}

extension Worker where P == WebSocket {
    /// Sends a message to the open connections of all processes of this worker.
    ///
    /// - Returns: how many other processes it was taken for.
    @discardableResult
    public func broadcastAll(_ content: WebSocketContent) -> Int {
        broadcast(content)
        switch content {
        case .text(let text): return ProcessBus.shared.sendToClients(.webSocketText, of: self, Array(text.utf8))
        case .binary(let bytes): return ProcessBus.shared.sendToClients(.webSocketBytes, of: self, bytes)
        }
    }
}

extension Worker {
    /// Sends what another process, or this one, has for the clients.
    func give(_ kind: BusPacket.Kind, _ bytes: [UInt8]) {
        let topics = (untypedDriver as? WebSocketDriver)?.topics
        switch kind {
        case .event: break
        case .bytes:
            for connection in connectionsByID.values where connection.state == .established {
                Connection<P>(connection).sendRaw(bytes)
            }
        case .webSocketText: topics?.broadcast(.text(String(decoding: bytes, as: UTF8.self)), except: nil)
        case .webSocketBytes: topics?.broadcast(.binary(bytes), except: nil)
        }
    }
}
