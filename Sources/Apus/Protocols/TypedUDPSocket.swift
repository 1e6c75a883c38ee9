import CApus

/// Binds a `PacketProtocol` to the datagrams of a socket.
final class TypedUDPSocket<P: PacketProtocol>: UDPSocket {
    private let codec: P
    private let callbacks: UDPCallbacks<P>
    private let maxPackageSize: Int
    /// Raw datagrams are messages as they are, also empty ones.
    private let isRaw = P.self == Raw.self

    init(
        fd: Int32, owner: any AcceptingOwner, loop: EventLoop, _ codec: P, _ callbacks: UDPCallbacks<P>,
        maxPackageSize: Int
    ) {
        self.codec = codec
        self.callbacks = callbacks
        self.maxPackageSize = maxPackageSize
        super.init(fd: fd, owner: owner, loop: loop)
    }

    override func receive(_ datagram: UnsafeRawBufferPointer, _ peer: capus_address) {
        if isRaw { return deliver(datagram, peer) }
        var rest = datagram
        while !rest.isEmpty {
            switch codec.frame(rest) {
            case .needMore: return
            case .length(let length) where length > 0 && length <= maxPackageSize:
                guard length <= rest.count else { return }
                deliver(UnsafeRawBufferPointer(rebasing: rest[..<length]), peer)
                rest = UnsafeRawBufferPointer(rebasing: rest[length...])
            case .length(let length): return complain("package_length=\(length)", peer)
            case .control(let length, let reply) where length > 0 && length <= rest.count:
                if !reply.isEmpty { _ = reply.withUnsafeBytes { send($0, to: peer) } }
                rest = UnsafeRawBufferPointer(rebasing: rest[length...])
            case .control(let length, _): return complain("control_length=\(length)", peer)
            case .invalid(let reason, let reply):
                if !reply.isEmpty { _ = reply.withUnsafeBytes { send($0, to: peer) } }
                return complain(reason, peer)
            }
        }
    }

    private func deliver(_ packet: UnsafeRawBufferPointer, _ peer: capus_address) {
        guard let onMessage = callbacks.onMessage else { return }
        let message: P.Inbound
        do {
            message = try codec.decode(packet)
        } catch {
            return complain("\(error)", peer)
        }
        do {
            try onMessage(UDPConnection(self, peer), message)
        } catch {
            callbackFailed(UDPConnection(self, peer), error)
        }
    }

    /// The default policy loses the message alone.
    func callbackFailed(_ connection: UDPConnection<P>, _ error: any Error) {
        status.pointee.callback_errors &+= 1
        if let handler = callbacks.errorHandler { return handler(connection, error) }
        Log.write("callback for UDP peer \(connection.remoteAddress) failed: \(error)", .error)
        if owner.errorPolicy == .terminateWorker { loop.errorHandler(error, "a callback") }
    }

    /// Encodes and sends.
    func send(_ message: P.Outbound, to peer: capus_address) -> SendResult {
        var packet: [UInt8] = []
        do {
            try codec.encode(message, into: &packet)
        } catch {
            callbackFailed(UDPConnection(self, peer), error)
            return .failed
        }
        return packet.withUnsafeBytes { send($0, to: peer) }
    }
}

/// The callbacks of a UDP worker: always those that it has now.
final class UDPCallbacks<P: PacketProtocol> {
    @exclusivity(unchecked) var onMessage: (@MainActor (UDPConnection<P>, P.Inbound) throws -> Void)?
    @exclusivity(unchecked) var errorHandler: (@MainActor (UDPConnection<P>, any Error) -> Void)?
}
