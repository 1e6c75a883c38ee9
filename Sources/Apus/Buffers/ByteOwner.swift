/// What keeps the bytes that `ByteView`s look at: a message. Of no use by itself.
public class ByteOwner {
    /// The receive buffer, or memory of its own once the message was kept.
    // Unsafe for `deinit`, and for views whose collection methods cannot be isolated: all on the loop's thread.
    @exclusivity(unchecked) final nonisolated(unsafe) var storage: UnsafeMutablePointer<UInt8>
    @exclusivity(unchecked) final nonisolated(unsafe) private(set) var ownsStorage = false

    init(_ bytes: UnsafeMutablePointer<UInt8>) { storage = bytes }

    nonisolated deinit {
        if ownsStorage { storage.deallocate() }
    }

    /// Moves the bytes into memory of the message's own: somebody keeps it.
    final func detach(count: Int) {
        guard !ownsStorage else { return }
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, count))
        copy.update(from: storage, count: count)
        own(copy)
    }

    /// Takes memory, in place of what it has.
    final func own(_ bytes: UnsafeMutablePointer<UInt8>) {
        if ownsStorage { storage.deallocate() }
        storage = bytes
        ownsStorage = true
    }
}
