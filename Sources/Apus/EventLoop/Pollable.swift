import CApus

/// Something with a descriptor that an event loop watches.
class Pollable {
    /// The descriptor; −1 once closed.
    @exclusivity(unchecked) final var fd: Int32
    /// Tells this registration from those of earlier owners of the same descriptor; 0 while not registered.
    @exclusivity(unchecked) final var generation: UInt32 = 0

    init(fd: Int32) { self.fd = fd }

    nonisolated deinit {}

    /// Called when the descriptor became ready; `flags` are `CAPUS_READ`, `CAPUS_WRITE` and `CAPUS_HANGUP`.
    func ready(_ flags: UInt32) {}

    /// Called in a later turn when the kernel had no room to watch the descriptor for `interest`, with the errno:
    /// nothing would ever wake this. Tries again a moment later, unless something better can be done.
    func couldNotBeWatched(for interest: UInt32, on loop: EventLoop, _ failure: Int32) {
        let registration = generation
        WorkerTimer.after(EventLoop.watchingRetryInterval) { [self] _ in
            if generation == registration { loop.setInterest(self, currentInterest ?? interest) }
        }
    }

    /// What it is to be watched for now, where that may have changed since it was asked for.
    var currentInterest: UInt32? { nil }
}

/// A descriptor watched with a closure.
final class Watch: Pollable {
    private let body: @MainActor () -> Void

    init(fd: Int32, _ body: @escaping @MainActor () -> Void) {
        self.body = body
        super.init(fd: fd)
    }

    override func ready(_ flags: UInt32) { body() }
}
