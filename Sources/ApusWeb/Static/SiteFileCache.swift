import Apus
import CApus

/// The files of a site that are open, by the paths that led to them.
@MainActor final class SiteFileCache {
    private let maxFiles: Int
    private let maxBytes: Int
    @exclusivity(unchecked) private var files: [UInt: SiteFile] = [:]
    private var byteCount = 0
    private var sweeper: WorkerTimer?
    /// Makes it hard to find paths that take each other's place.
    private let seed = UInt.random(in: .min ... .max)

    /// Seconds after which a file that nobody asked for is closed: one that was removed holds room on the disk.
    private static let idleSeconds = 60.0

    init(maxFiles: Int, maxBytes: Int) {
        self.maxFiles = max(1, maxFiles)
        self.maxBytes = maxBytes
    }

    isolated deinit { sweeper?.cancel() }

    /// Bytes that fit into memory yet.
    var room: Int { max(0, maxBytes - byteCount) }

    /// The file that the path, which is not empty, led to when it was asked for last.
    subscript(path: UnsafeRawBufferPointer) -> SiteFile? {
        guard let file = files[hash(path)], file.path.count == path.count else { return nil }
        let isSame = file.path.withUnsafeBytes { memcmp($0.baseAddress!, path.baseAddress!, $0.count) == 0 }
        return isSame ? file : nil
    }

    /// Keeps a file; one whose path has the same hash goes.
    func insert(_ file: SiteFile, now: Int64) {
        if files.count >= maxFiles { removeOldest(now) }
        let key = file.path.withUnsafeBytes { hash($0) }
        byteCount += file.byteCount - (files[key]?.byteCount ?? 0)
        files[key] = file
        guard sweeper == nil, EventLoop.current != nil else { return }
        sweeper = WorkerTimer.every(Self.idleSeconds / 3) { [unowned self] _ in sweep() }
    }

    func remove(_ path: UnsafeRawBufferPointer) {
        let key = hash(path)
        if let file = files.removeValue(forKey: key) { byteCount -= file.byteCount }
    }

    /// Makes room by closing a quarter of the files, at least one: those that were asked for longest ago.
    func removeOldest(_ now: Int64) {
        let times = files.values.map(\.used).sorted()
        guard let limit = times.isEmpty ? nil : times[times.count / 4] else { return }
        remove { $0.used <= limit }
    }

    private func sweep() {
        let limit = EventLoop.current.now - Int64(Self.idleSeconds * 1e9)
        remove { $0.used < limit }
        guard files.isEmpty else { return }
        sweeper?.cancel()
        sweeper = nil
    }

    private func remove(_ isOld: (SiteFile) -> Bool) {
        files = files.filter { !isOld($0.value) }
        byteCount = files.values.reduce(0) { $0 + $1.byteCount }
    }

    /// FNV-1a.
    private func hash(_ bytes: UnsafeRawBufferPointer) -> UInt {
        var hash = seed
        for byte in bytes { hash = (hash ^ UInt(byte)) &* 0x100_0000_01B3 }
        return hash
    }
}
