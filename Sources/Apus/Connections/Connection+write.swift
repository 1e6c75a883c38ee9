/// One task that waits for room in a connection's output queue.
final class RoomWaiter {
    private var continuation: UnsafeContinuation<Void, Never>?
    private var isOver = false

    /// Returns when there is room, the connection has closed, or the task is cancelled.
    func wait() async {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
                if isOver { return continuation.resume() }
                self.continuation = continuation
            }
        } onCancel: {
            EventLoop.soon { self.resume() }
        }
    }

    func resume() {
        isOver = true
        continuation?.resume()
        continuation = nil
    }
}

extension Connection where P: PacketProtocol {
    /// Sends one message, after waiting for as long as `maxSendBufferSize` or more is still to be sent: what `send`
    /// would drop waits. Throws `ConnectionError` when the connection is closed or closes meanwhile, and what
    /// the protocol throws for a message that it cannot send: the connection then stays.
    public func write(_ message: P.Outbound) async throws {
        let packet = try driver?.encode(message) ?? []
        try await transport.waitForRoom()
        if sendRaw(packet) == .failed { throw ConnectionError.closed }
    }
}

extension StreamConnection {
    /// Bytes that a task writes in a row to a peer who takes them all.
    private static let mostBytesInTurn = 256 * 1024

    /// Until less than `limit` waits to be sent, or than `maxSendBufferSize`.
    func waitForRoom(below limit: Int = .max) async throws {
        while state == .established || state == .connecting || state == .initial {
            try Task.checkCancellation()
            if isCorked, outbound == nil { uncork() }
            if pendingSendBytes < min(limit, maxSendBufferSize) {
                guard bytesWritten - (extras?.bytesAtTurn ?? 0) >= Self.mostBytesInTurn else { return }
                // A peer that reads as quickly as this is written would hold up all other connections.
                moreExtras.bytesAtTurn = bytesWritten
                await Task.yield()
                continue
            }
            let waiter = RoomWaiter()
            moreExtras.roomWaiters.append(waiter)
            await waiter.wait()
        }
        throw ConnectionError.closed
    }
}
