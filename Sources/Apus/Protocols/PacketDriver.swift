import CApus

/// So many packets one connection has handled before others have their turn.
private let packetsPerTurn = 256

/// Binds a `PacketProtocol` to connections.
final class PacketDriver<P: PacketProtocol>: TypedDriver<P> {
    /// Of one connection, or of all of a worker's.
    @exclusivity(unchecked) private var codec: P
    /// Blocks of a raw stream are no packets: no limit applies to them.
    private let isStream = P.self == Raw.self
    /// The memory of the last packet, for the next one.
    @exclusivity(unchecked) private var spare: [UInt8] = []
    /// Larger packets are referred to where they have to wait.
    private static var mostCopied: Int { 4096 }

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

    override func beginLife(_ connection: StreamConnection) {
        guard let codec = codec.forConnection() else { return }
        let own = isOfOneConnection ? self : copy()
        own.isOfOneConnection = true
        unsafeDowncast(own, to: PacketDriver.self).codec = codec
        connection.driver = own
    }

    // Without these every byte of the built-in protocols would be handled by code for all protocols.
    @specialized(where P == Text)
    @specialized(where P == Frame)
    @specialized(where P == Raw)
    override func receive(_ connection: StreamConnection, _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        var offset = 0
        var budget = packetsPerTurn
        // Bytes that are held were looked at before.
        let isHeld = connection.partial.isAllocated && connection.partial.bytes == bytes
        while offset < count, connection.wantsMessages, connection.driver === self {
            let rest = UnsafeRawBufferPointer(start: bytes + offset, count: count - offset)
            let searched = isHeld && offset == 0 ? connection.partial.searched : 0
            switch firstPacket(connection, rest, searched) {
            case .complete(let length):
                connection.cork(holding: length < rest.count)
                offset += length
                deliver(connection, UnsafeRawBufferPointer(rebasing: rest[..<length]))
                budget &-= 1
                if budget == 0, offset < count {
                    connection.yieldTurn()
                    return offset
                }
            case .control(let length): offset += length
            case .unknown:
                if isHeld, offset == 0 { connection.partial.searched = count }
                return offset
            case .partial: return offset
            case .none: return count
            }
        }
        return offset
    }

    /// What stands at the front.
    private enum FirstPacket {
        case complete(Int)
        /// Its length is known, its end is not there.
        case partial
        case unknown
        /// It was dealt with.
        case control(Int)
        /// The connection ends for it.
        case none
    }

    private func firstPacket(
        _ connection: StreamConnection, _ bytes: UnsafeRawBufferPointer, _ searched: Int
    ) -> FirstPacket {
        let limit = connection.maxPackageSize
        switch codec.frame(bytes, searched: searched) {
        case .needMore where bytes.count < limit: return .unknown
        case .needMore: reject(connection, "no end of packet in \(bytes.count) bytes", reply: [])
        case .length(let length) where length > 0 && (length <= limit || isStream):
            return length <= bytes.count ? .complete(length) : .partial
        case .length(let length): reject(connection, "package_length=\(length)", reply: [])
        case .control(let length, let reply) where length > 0 && length <= bytes.count:
            if !reply.isEmpty, connection.canSend() { _ = reply.withUnsafeBytes { connection.sendRaw($0) } }
            return .control(length)
        case .control(let length, _): reject(connection, "control_length=\(length)", reply: [])
        case .invalid(let reason, let reply): reject(connection, reason, reply: reply)
        }
        return .none
    }

    private func reject(_ connection: StreamConnection, _ reason: String, reply: [UInt8]) {
        Log.write("Error package. \(reason) (\(codec.name) from \(connection.peer.text))")
        guard !reply.isEmpty else { return connection.destroy() }
        if connection.canSend() { _ = reply.withUnsafeBytes { connection.sendRaw($0) } }
        connection.end()
    }

    private func deliver(_ connection: StreamConnection, _ packet: UnsafeRawBufferPointer) {
        connection.noteMessage()
        let message: P.Inbound
        do {
            message = try codec.decode(packet)
        } catch {
            return reject(connection, "\(error)", reply: [])
        }
        run(connection, CAPUS_DOING_MESSAGE) { try callbacks.onMessage?(Connection(connection), message) }
    }

    override func encode(_ message: P.Outbound) throws -> [UInt8] {
        var packet: [UInt8] = []
        try codec.encode(message, into: &packet)
        return packet
    }

    @specialized(where P == Text)
    @specialized(where P == Frame)
    @specialized(where P == Raw)
    override func send(_ connection: StreamConnection, _ message: P.Outbound) -> SendResult {
        guard connection.canSend() else { return .failed }
        if connection.outbound == nil, let count = codec.encode(message, to: connection.shared.pointee.output.free) {
            return connection.sendRendered(count)
        }
        // Taken, not used in place: what sending calls may send itself.
        var packet = spare
        spare = []
        packet.removeAll(keepingCapacity: true)
        do {
            try codec.encode(message, into: &packet)
        } catch {
            callbackFailed(connection, error)
            return .failed
        }
        let isLarge = packet.count > Self.mostCopied
        let result = packet.withUnsafeBytes { connection.sendRaw($0, owner: isLarge ? ByteBox(packet) : nil) }
        if !isLarge, !isStream { spare = packet }
        return result
    }
}

/// Keeps bytes alive while the output queue refers to them.
final class ByteBox {
    private let bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }
}
