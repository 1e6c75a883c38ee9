import CMariaDB

/// One attempt to connect over TLS, on a thread of its own: libmariadb waits for the handshake within its call, with
/// whatever server and for as long as that likes. The loop ends it by shutting the socket down.
final class ConnectThread {
    /// Of this side; the thread's own may be closed at any time.
    private var socket: Int32 = -1
    private var isStopped = false
    private var isOver = false

    /// What runs on the thread. It is used by that alone until it is over.
    private nonisolated final class Work: @unchecked Sendable {  // See there.
        let start: () -> Int32
        let go: (Int32) -> Int32
        let currentSocket: () -> Int32
        let announce: @Sendable (Int32) -> Void
        let finish: @Sendable () -> Void

        init(
            start: @escaping () -> Int32, go: @escaping (Int32) -> Int32, currentSocket: @escaping () -> Int32,
            announce: @escaping @Sendable (Int32) -> Void, finish: @escaping @Sendable () -> Void
        ) {
            self.start = start
            self.go = go
            self.currentSocket = currentSocket
            self.announce = announce
            self.finish = finish
        }

        static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
            Unmanaged<Work>.fromOpaque(context!).takeRetainedValue().run()
            return nil
        }

        private func run() {
            var status = start()
            let socket = currentSocket()
            if socket >= 0 { announce(dup(socket)) }
            while status != 0 {
                var events = pollfd()
                events.fd = currentSocket()
                events.events = Int16(status & MYSQL_WAIT_WRITE != 0 ? POLLOUT : POLLIN)
                // It ends with the socket.
                _ = poll(&events, 1, -1)
                status = go(status & (MYSQL_WAIT_READ | MYSQL_WAIT_WRITE))
            }
            finish()
        }
    }

    nonisolated deinit {}

    /// Makes the calls of libmariadb that connect, up to the last. The handle is the thread's meanwhile.
    func run(
        _ start: @escaping @Sendable () -> Int32, _ go: @escaping @Sendable (Int32) -> Int32,
        currentSocket: @escaping @Sendable () -> Int32
    ) async {
        await withCheckedContinuation { continuation in
            let work = Work(
                start: start, go: go, currentSocket: currentSocket,
                announce: { socket in Task { @MainActor in self.announced(socket) } },
                finish: {
                    Task { @MainActor in
                        self.closeSocket()
                        continuation.resume()
                    }
                })
            var thread = pthread_t()
            let context = Unmanaged.passRetained(work)
            let failure = pthread_create(&thread, nil, Work.main, context.toOpaque())
            if failure == 0 {
                pthread_detach(thread)
            } else {
                context.release()
                continuation.resume()
            }
        }
    }

    private func announced(_ socket: Int32) {
        // Which of two tasks of another thread comes first is not said.
        if isOver {
            close(socket)
            return
        }
        self.socket = socket
        if isStopped { stop() }
    }

    /// Ends the attempt soon.
    func stop() {
        isStopped = true
        if socket >= 0 { shutdown(socket, Int32(SHUT_RDWR)) }
    }

    private func closeSocket() {
        if socket >= 0 { close(socket) }
        socket = -1
        isOver = true
    }
}
