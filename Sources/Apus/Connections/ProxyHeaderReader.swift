import ApusProtocols
import CApus

/// An accepted socket whose load balancer has yet to say whose connection it is. Only the header is taken from the
/// socket: what follows is the connection's, or its TLS session's.
final class ProxyHeaderReader: Pollable {
    /// A socket, and the addresses of its two ends; none of this side where it is the socket's own.
    struct Named {
        let fd: Int32
        let peer: capus_address
        let local: capus_address?
    }

    typealias Completion = @MainActor (ProxyHeaderReader, Named?) -> Void

    /// Not the loop's: a handler that closes the listener has its request there.
    private static let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    private static let capacity = 4096

    private static var lastComplaint = Int64.min

    private let peer: capus_address
    private let loop: EventLoop
    private var held: [UInt8] = []
    private var deadline: WorkerTimer?
    private let completion: Completion

    /// `completion` gets the socket with the addresses that the header names, or nil when there is none and the socket
    /// was closed.
    init(fd: Int32, peer: capus_address, loop: EventLoop, timeout: Double, _ completion: @escaping Completion) {
        self.peer = peer
        self.loop = loop
        self.completion = completion
        super.init(fd: fd)
        deadline = WorkerTimer.after(timeout) { [weak self] _ in self?.refuse("it sent none in time") }
    }

    func start() {
        loop.watch(self)
        ready(UInt32(CAPUS_READ))
    }

    override func ready(_ flags: UInt32) {
        let buffer = Self.buffer
        let count = capus_peek(fd, buffer, Self.capacity)
        if count < 0, -count == Int(CAPUS_WOULD_BLOCK) { return }
        // A connection that closes without a word is how a port is probed.
        guard count > 0 else { return held.isEmpty ? fail() : refuse("it ended within it") }
        let known = held.count
        held.append(contentsOf: UnsafeBufferPointer(start: buffer, count: count))
        switch held.withUnsafeBytes({ ProxyHeader.parse($0) }) {
        case .needMore: consume(count)
        case .invalid(let reason): refuse(reason)
        case .local(let length): finish(length - known, peer, nil)
        case .header(let length, let source, let destination): finish(length - known, source, destination)
        }
    }

    override func couldNotBeWatched(for interest: UInt32, on loop: EventLoop, _ failure: Int32) { fail() }

    /// Takes bytes out of the socket that were looked at.
    private func consume(_ count: Int) { _ = capus_receive(fd, Self.buffer, count) }

    private func finish(_ rest: Int, _ peer: capus_address, _ local: capus_address?) {
        consume(rest)
        completion(self, Named(fd: release(), peer: peer, local: local))
    }

    /// One line a second at most.
    private func refuse(_ reason: String) {
        if Self.lastComplaint == .min || loop.now - Self.lastComplaint > 1_000_000_000 {
            Self.lastComplaint = loop.now
            Log.write("PROXY header of \(peer.text) refused: \(reason)", .warning)
        }
        fail()
    }

    private func fail() {
        close()
        completion(self, nil)
    }

    private func release() -> Int32 {
        deadline?.cancel()
        return loop.release(self)
    }

    /// Gives up.
    func close() { capus_close(release()) }
}
