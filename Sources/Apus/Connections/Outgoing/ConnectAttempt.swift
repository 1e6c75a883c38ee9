import CApus

/// A socket that is being connected to one address.
final class ConnectAttempt: Pollable {
    let address: capus_address
    private let loop: EventLoop
    private let ended: @MainActor (ConnectAttempt, Int32) -> Void

    /// `ended` is called with the errno that the attempt failed with, or 0.
    init(
        fd: Int32, address: capus_address, loop: EventLoop,
        _ ended: @escaping @MainActor (ConnectAttempt, Int32) -> Void
    ) {
        self.address = address
        self.loop = loop
        self.ended = ended
        super.init(fd: fd)
        loop.watch(self, for: UInt32(CAPUS_WRITE))
    }

    override func ready(_ flags: UInt32) { ended(self, capus_connect_result(fd)) }

    override func couldNotBeWatched(for interest: UInt32, on loop: EventLoop, _ failure: Int32) { ended(self, failure) }

    /// Hands the descriptor over.
    func release() -> Int32 { loop.release(self) }

    /// Gives up.
    func close() { capus_close(release()) }
}
