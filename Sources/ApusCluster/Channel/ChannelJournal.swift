import Apus
import CApus
import CLinux

/// A file with the items of queues, so that those which wait outlive the server: what happens is written behind what
/// has happened before, as a `JournalRecord`.
///
/// A last record that is not whole was never confirmed, and is cut off. The file stays open, and this server's, until
/// the process ends. It is written anew when little of it is left of use. What was written outlives the process at
/// once, and a power failure as far as the system has brought it to the disk. Where the disk is full no item is taken,
/// and those that are there are given out as before.
final class ChannelJournal {
    /// One that is smaller is not worth being written anew.
    private static let smallest = 1024 * 1024
    /// So many times the bytes of what waits are written before the file is made anew.
    private static let waste = 4

    private let path: String
    private var fd: Int32
    /// Of the file, as far as there are whole records.
    private var count = 0
    /// There may be a part of a record behind them.
    private var hasTornEnd = false
    /// It has a second name, for what cannot be read in it.
    private var isKeptAside = false
    /// Items that are nobody's any more, which could not be written. It is done with the next record that can be.
    private var unwritten: [Int] = []

    /// Opens the file, which is made when it is missing, and calls `found` with each item that waits in it, in order.
    /// Throws when it is another server's, cannot be read or written, or is damaged and cannot be made anew.
    init(_ path: String, found: (_ queue: String, _ item: ChannelItem) -> Void) throws(SystemError) {
        self.path = path
        fd = open_journal(path)
        guard fd >= 0 else { throw SystemError("open \(path)", -fd) }
        do throws(SystemError) {
            // A server that makes it anew at this moment has the other one.
            guard flock(fd, LOCK_EX | LOCK_NB) == 0, is_file_at(fd, path) else {
                throw SystemError("lock \(path)", EWOULDBLOCK)
            }
            let items = try read()
            for (queue, item) in items { found(queue, item) }
            do throws(SystemError) {
                try rewrite(items)
            } catch {
                // What is to be kept is this very file: no part of it may be cut off.
                if isKeptAside { throw error }
                // On a full disk there is no room for another one.
                try cutTornEnd()
                Worker.log("ChannelServer: \(error); it stays as it was", level: .error)
            }
        } catch {
            close(fd)
            throw error
        }
    }

    nonisolated deinit {}

    // MARK: Writing

    /// Items have come, which are kept when this returns.
    func add(_ items: [(queue: String, item: ChannelItem)]) throws(SystemError) {
        var bytes = unwritten.flatMap { JournalRecord.done($0).bytes }
        for (queue, item) in items { bytes += JournalRecord.item(queue: queue, item).bytes }
        try append(bytes)
        unwritten = []
    }

    /// An item is nobody's any more. Where that cannot be written it comes again if the server ends before it can.
    func remove(_ id: Int) {
        unwritten.append(id)
        // Where one could not be written the next ones cannot either: `writeRest` tries again.
        guard unwritten.count == 1 else { return }
        do throws(SystemError) {
            try add([])
        } catch {
            Worker.log("ChannelServer: \(error)", level: .error)
        }
    }

    /// Writes what could not be written, if there is room now.
    func writeRest() {
        if !unwritten.isEmpty { try? add([]) }
    }

    /// Whether it should be made anew when what waits has so many bytes in it.
    func isWasteful(_ waitingBytes: Int) -> Bool { count > Self.smallest && count / Self.waste > waitingBytes }

    /// Makes the file anew, with nothing but the items that wait.
    func rewrite(_ items: some Sequence<(queue: String, item: ChannelItem)>) throws(SystemError) {
        let next = path + ".new"
        unlink(next)
        let other = open_journal(next)
        guard other >= 0 else { throw SystemError("open \(next)", -other) }
        var total = 0
        do throws(SystemError) {
            var bytes: [UInt8] = []
            for (queue, item) in items {
                bytes += JournalRecord.item(queue: queue, item).bytes
                if bytes.count < 64 * 1024 { continue }
                try Self.write(bytes, other, next)
                total += bytes.count
                bytes.removeAll(keepingCapacity: true)
            }
            try Self.write(bytes, other, next)
            total += bytes.count
            // Its content first, then its name: otherwise a power failure could leave an empty file.
            guard flock(other, LOCK_EX | LOCK_NB) == 0, fdatasync(other) == 0, capus_rename_file(next, path) == 0 else {
                throw SystemError("replace \(path)", capus_last_error())
            }
        } catch {
            close(other)
            unlink(next)
            throw error
        }
        close(fd)
        fd = other
        count = total
        hasTornEnd = false
        unwritten = []
    }

    private func append(_ bytes: [UInt8]) throws(SystemError) {
        if hasTornEnd { try cutTornEnd() }
        do throws(SystemError) {
            try Self.write(bytes, fd, path)
            count += bytes.count
        } catch {
            hasTornEnd = true
            try? cutTornEnd()
            throw error
        }
    }

    /// A part of a record, behind which others are written, would make the rest unreadable.
    private func cutTornEnd() throws(SystemError) {
        while ftruncate(fd, count) != 0 {
            guard capus_last_error() == EINTR else { throw SystemError("truncate \(path)", capus_last_error()) }
        }
        hasTornEnd = false
    }

    private static func write(_ bytes: [UInt8], _ fd: Int32, _ path: String) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { CLinux.write(fd, $0.baseAddress! + written, bytes.count - written) }
            if count > 0 {
                written += count
            } else if capus_last_error() != EINTR {
                throw SystemError("write \(path)", capus_last_error())
            }
        }
    }

    // MARK: Reading

    private func read() throws(SystemError) -> [(queue: String, item: ChannelItem)] {
        let bytes = try content()
        let content = JournalRecord.read(bytes)
        if content.count < bytes.count { try noteDamage(bytes, from: content.count) }
        count = content.count
        return content.items
    }

    /// What is behind the last record that can be read: a part of one, or something else. That is kept aside: there
    /// may be items in it.
    private func noteDamage(_ bytes: [UInt8], from start: Int) throws(SystemError) {
        let rest = bytes[start...]
        let isPart = rest.count < 4 || rest.prefix(4).reduce(0) { $0 << 8 | Int($1) } > rest.count
        guard !isPart || JournalRecord.isFollowed(bytes, from: start) else {
            return Worker.log("ChannelServer: \(path) ends with a part of a message, which is cut off", level: .warning)
        }
        let aside = path + ".damaged"
        unlink(aside)
        guard link(path, aside) == 0 else { throw SystemError("keep \(aside)", capus_last_error()) }
        isKeptAside = true
        Worker.log(
            "ChannelServer: \(rest.count) bytes of \(path) cannot be read; it is kept as \(aside)", level: .error)
    }

    private func content() throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1024 * 1024)
        while true {
            let count = CLinux.pread(fd, &block, block.count, bytes.count)
            if count == 0 { return bytes }
            if count > 0 {
                bytes += block[..<count]
            } else if capus_last_error() != EINTR {
                throw SystemError("read \(path)", capus_last_error())
            }
        }
    }
}
