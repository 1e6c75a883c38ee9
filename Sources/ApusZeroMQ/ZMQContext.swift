import Apus
import CZeroMQ
import Synchronization

/// libzmq's threads of this process. They are started with the first socket, so that a master, which has none, has no
/// threads.
public final class ZMQContext {
    /// The one of this process.
    public static let shared = ZMQContext()

    private var context: UnsafeMutableRawPointer?
    private var sockets: [ObjectIdentifier: WeakSocket] = [:]
    private var watchesEnd = false

    private struct WeakSocket {
        weak var socket: ZMQSocket?
    }

    private init() {}
    nonisolated deinit {}

    func open() throws(ZMQError) -> UnsafeMutableRawPointer {
        if let context { return context }
        guard let made = zmq_ctx_new() else { throw .last("zmq_ctx_new") }
        context = made
        if !watchesEnd {
            watchesEnd = true
            EventLoop.current.lastActions.append { [weak self] in self?.finish() }
        }
        return made
    }

    func add(_ socket: ZMQSocket) { sockets[ObjectIdentifier(socket)] = WeakSocket(socket: socket) }
    func remove(_ socket: ZMQSocket) { sockets[ObjectIdentifier(socket)] = nil }

    /// Closes all sockets, and returns when what they had accepted was sent, or could not be within their
    /// `ZMQOptions.linger`. For programs that end: a worker does so by itself.
    public func shutDown() async {
        guard let ending = end() else { return }
        while !ending.isOver { try? await WorkerTimer.sleep(0.005) }
        ending.join()
    }

    /// The loop has ended: nothing else waits.
    private func finish() {
        guard let ending = end() else { return }
        // Lingering is bounded by the sockets; looking up a name is not.
        var rounds = Int((longestLinger + 2) * 1000)
        while !ending.isOver, rounds > 0 {
            // Sleeps a millisecond.
            zmq_poll(nil, 0, 1)
            rounds -= 1
        }
        if ending.isOver { ending.join() }
    }

    private var longestLinger = 0.0

    private func end() -> ZMQEnding? {
        guard let context else { return nil }
        self.context = nil
        for entry in sockets.values { entry.socket?.close() }
        sockets = [:]
        return ZMQEnding(context)
    }

    func noteLinger(_ seconds: Double) { longestLinger = max(longestLinger, seconds) }
}

/// Ends a context on a thread of its own, since that takes as long as its sockets linger.
private nonisolated final class ZMQEnding: Sendable {
    private let over = Atomic<Bool>(false)
    // Handed over to the thread, which is the only one to use it.
    private nonisolated(unsafe) let context: UnsafeMutableRawPointer
    // Written once, before anybody else has the object.
    private nonisolated(unsafe) var thread: UnsafeMutableRawPointer?

    nonisolated var isOver: Bool { over.load(ordering: .acquiring) }

    init(_ context: UnsafeMutableRawPointer) {
        self.context = context
        thread = zmq_threadstart(
            { argument in
                let ending = Unmanaged<ZMQEnding>.fromOpaque(argument!).takeRetainedValue()
                // A signal interrupts it.
                while zmq_ctx_term(ending.context) != 0, zmq_errno() == EINTR {}
                ending.over.store(true, ordering: .releasing)
            }, Unmanaged.passRetained(self).toOpaque())
    }

    nonisolated deinit {}

    /// Once it is over: frees the thread.
    func join() {
        if let thread { zmq_threadclose(thread) }
        thread = nil
    }
}
