import ApusProtocols
import CApus

/// The exchange with a proxy before the connection through it is there.
final class ProxyNegotiation: Pollable {
    private static let readSize = 4096

    private let loop: EventLoop
    private var handshake: any ProxyHandshake
    private var received: [UInt8] = []
    private let ended: @MainActor (Result<[UInt8], ConnectionError>) -> Void

    /// `ended` is called with the bytes that followed the proxy's last answer.
    init(
        fd: Int32, loop: EventLoop, _ handshake: any ProxyHandshake,
        _ ended: @escaping @MainActor (Result<[UInt8], ConnectionError>) -> Void
    ) {
        self.loop = loop
        self.handshake = handshake
        self.ended = ended
        super.init(fd: fd)
        loop.watch(self)
        let opening = self.handshake.open()
        loop.execute { [self] in if self.fd >= 0 { _ = send(opening) } }
    }

    override func ready(_ flags: UInt32) {
        var block = [UInt8](repeating: 0, count: Self.readSize)
        let count = capus_receive(fd, &block, block.count)
        if count < 0, -count == Int(CAPUS_WOULD_BLOCK) { return }
        guard count > 0 else { return fail(count == 0 ? "it closed the connection" : describe(-count)) }
        received += block[..<count]
        do throws(ProxyHandshakeError) {
            while true {
                let (consumed, step) = try take()
                received.removeFirst(consumed)
                switch step {
                case .needMore: return
                case .send(let bytes): guard send(bytes) else { return }
                case .done: return ended(.success(received))
                }
            }
        } catch {
            fail(error.description)
        }
    }

    override func couldNotBeWatched(for interest: UInt32, on loop: EventLoop, _ failure: Int32) {
        fail(describe(Int(failure)))
    }

    private func take() throws(ProxyHandshakeError) -> (consumed: Int, step: ProxyHandshakeStep) {
        let result = received.withUnsafeBytes { bytes in
            Result { () throws(ProxyHandshakeError) in try handshake.receive(bytes) }
        }
        return try result.get()
    }

    /// What is said to a proxy is far less than a fresh socket takes.
    private func send(_ bytes: [UInt8]) -> Bool {
        let sent = bytes.withUnsafeBytes { capus_send(fd, $0.baseAddress!, $0.count) }
        guard sent == bytes.count else {
            fail(sent < 0 ? describe(-sent) : "it does not take what is sent")
            return false
        }
        return true
    }

    private func describe(_ code: Int) -> String { String(cString: capus_error_text(Int32(code))) }

    private func fail(_ reason: String) { ended(.failure(ConnectionError(description: reason))) }

    /// Hands the descriptor over.
    func release() -> Int32 { loop.release(self) }

    /// Gives up.
    func close() { capus_close(release()) }
}
