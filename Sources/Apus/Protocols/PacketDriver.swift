import CApus

/// Binds a `PacketProtocol` to connections.
final class PacketDriver<P: PacketProtocol>: TypedDriver<P> {
    let codec: P
    /// Blocks of a raw stream are no packets: no limit applies to them.
    private let isStream = P.self == Raw.self

    init(_ codec: P) {
        self.codec = codec
        super.init()
    }

    override var name: String { codec.name }

    override func copy() -> TypedDriver<P> {
        let copy = PacketDriver(codec)
        copy.callbacks = callbacks
        copy.limits = limits
        return copy
    }

    override func receive(_ connection: StreamConnection, _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        var offset = 0
        while offset < count, connection.wantsMessages, connection.driver === self {
            let rest = UnsafeRawBufferPointer(start: bytes + offset, count: count - offset)
            guard let length = packetLength(connection, rest) else { return count }
            guard length > 0, length <= rest.count else { break }
            connection.cork(holding: length < rest.count)
            offset += length
            deliver(connection, UnsafeRawBufferPointer(rebasing: rest[..<length]))
        }
        return offset
    }

    /// The length of the first packet; 0 while it cannot be told, nil when the connection was closed for it.
    private func packetLength(_ connection: StreamConnection, _ bytes: UnsafeRawBufferPointer) -> Int? {
        let limit = connection.maxPackageSize
        switch codec.frame(bytes) {
        case .needMore where bytes.count < limit: return 0
        case .needMore: reject(connection, "no end of packet in \(bytes.count) bytes")
        case .length(let length) where length > 0 && (length <= limit || isStream): return length
        case .length(let length): reject(connection, "package_length=\(length)")
        case .invalid(let reason): reject(connection, reason)
        }
        return nil
    }

    private func reject(_ connection: StreamConnection, _ reason: String) {
        Log.write("Error package. \(reason) (\(codec.name) from \(connection.peer.text))")
        connection.destroy()
    }

    private func deliver(_ connection: StreamConnection, _ packet: UnsafeRawBufferPointer) {
        connection.noteMessage()
        run(connection, CAPUS_DOING_MESSAGE) {
            let message = try codec.decode(packet)
            try callbacks.onMessage?(Connection(connection), message)
        }
    }

    /// Encodes and sends.
    func send(_ connection: StreamConnection, _ message: P.Outbound) -> SendResult {
        guard connection.canSend() else { return .failed }
        var packet: [UInt8] = []
        do {
            try codec.encode(message, into: &packet)
        } catch {
            callbackFailed(connection, error)
            return .failed
        }
        return packet.withUnsafeBytes { connection.sendRaw($0, owner: packet.count > 4096 ? ByteBox(packet) : nil) }
    }
}

/// Keeps bytes alive while the output queue refers to them.
final class ByteBox {
    private let bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }
}
