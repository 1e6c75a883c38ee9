import CApus

/// Watching descriptors and signals of your own.
extension EventLoop {
    /// Calls `body` whenever `fd` has something to read, or was closed by its peer. Watching again replaces the
    /// closure. The descriptor stays yours: stop watching before you close it.
    public func watchRead(_ fd: Int32, _ body: @escaping @MainActor () throws -> Void) {
        change(fd) { $0.onRead = body }
    }

    /// Stops what `watchRead` started.
    public func unwatchRead(_ fd: Int32) { change(fd) { $0.onRead = nil } }

    /// Calls `body` whenever `fd` takes more output.
    public func watchWrite(_ fd: Int32, _ body: @escaping @MainActor () throws -> Void) {
        change(fd) { $0.onWrite = body }
    }

    /// Stops what `watchWrite` started.
    public func unwatchWrite(_ fd: Int32) { change(fd) { $0.onWrite = nil } }

    /// Calls `body` on the loop for each signal of this number, instead of what the signal would do. The signals that
    /// control Apus itself (INT, TERM, HUP, TSTP, QUIT, USR1, USR2) cannot be watched.
    public func watchSignal(_ signal: Int32, _ body: @escaping @MainActor () throws -> Void) {
        unwatchSignal(signal)
        let fd = capus_signals_open([signal], 1)
        guard fd >= 0 else { return errorHandler(SystemError("watch signal \(signal)", -fd), "watchSignal") }
        let watch = Watch(fd: fd) { [unowned self] in
            var sender: Int32 = 0
            while capus_signals_read(fd, &sender) != 0 { run(body, "signal \(signal)") }
        }
        signalWatches[signal] = watch
        self.watch(watch)
    }

    /// Stops what `watchSignal` started; the signal stays blocked.
    public func unwatchSignal(_ signal: Int32) {
        guard let watch = signalWatches.removeValue(forKey: signal) else { return }
        let fd = watch.fd
        unwatch(watch)
        capus_close(fd)
    }

    private func change(_ fd: Int32, _ body: (UserWatch) -> Void) {
        let watch = userWatches[fd] ?? UserWatch(fd: fd, loop: self)
        body(watch)
        if watch.interest == 0 {
            userWatches[fd] = nil
            unwatch(watch)
        } else if userWatches.updateValue(watch, forKey: fd) == nil {
            self.watch(watch, for: watch.interest)
        } else {
            setInterest(watch, watch.interest)
        }
    }

    /// Runs a closure of the user that belongs to no connection.
    func run(_ body: @MainActor () throws -> Void, _ place: String) {
        do {
            try body()
        } catch {
            errorHandler(error, place)
        }
    }
}

/// A descriptor of the user's, with a closure for each direction.
final class UserWatch: Pollable {
    var onRead: (@MainActor () throws -> Void)?
    var onWrite: (@MainActor () throws -> Void)?
    private unowned let loop: EventLoop

    init(fd: Int32, loop: EventLoop) {
        self.loop = loop
        super.init(fd: fd)
    }

    var interest: UInt32 {
        (onRead == nil ? 0 : UInt32(CAPUS_READ)) | (onWrite == nil ? 0 : UInt32(CAPUS_WRITE))
    }

    override var currentInterest: UInt32? { interest }

    override func ready(_ flags: UInt32) {
        if flags & UInt32(CAPUS_READ | CAPUS_HANGUP) != 0, let onRead { loop.run(onRead, "watchRead") }
        if flags & UInt32(CAPUS_WRITE | CAPUS_HANGUP) != 0, let onWrite { loop.run(onWrite, "watchWrite") }
    }
}
