import CApus

/// A regular file that is open for reading, until nobody holds it any more.
nonisolated final class OpenFile: Sendable {
    let fd: Int32
    /// Bytes it had when it was opened.
    let size: Int
    /// When it was changed last: seconds since 1970-01-01 00:00 UTC, and nanoseconds.
    let modified: (seconds: Int64, nanoseconds: Int64)

    /// Why a file cannot be read.
    enum Failure: Error {
        /// There is none, or what is there is a folder, a device or a pipe.
        case missing
        case notAllowed
        /// The system has no descriptor or memory left, or somebody has a lease on the file.
        case unavailable
    }

    /// Opens a file. Nobody is waited for, whatever the path leads to.
    init(_ path: String) throws(Failure) {
        // What stands behind a NUL the system would not see.
        guard !path.utf8.contains(0) else { throw .missing }
        var facts = capus_file_facts()
        fd = capus_open_regular(path, &facts)
        size = Int(facts.size)
        modified = (facts.modified_seconds, facts.modified_nanoseconds)
        guard fd < 0 else { return }
        switch -Int(fd) {
        case Int(CAPUS_NOT_PERMITTED): throw .notAllowed
        case Int(CAPUS_NO_DESCRIPTORS), Int(CAPUS_NO_DESCRIPTORS_IN_SYSTEM), Int(CAPUS_NO_MEMORY): throw .unavailable
        case Int(CAPUS_WOULD_BLOCK): throw .unavailable
        default: throw .missing
        }
    }

    deinit { if fd >= 0 { capus_close(fd) } }

    /// Reads bytes into memory that has room for them. False when the file has become shorter, or cannot be read.
    func read(_ range: Range<Int>, into target: UnsafeMutablePointer<UInt8>) -> Bool {
        var done = 0
        while done < range.count {
            let count = capus_read_at(fd, target + done, range.count - done, range.lowerBound + done)
            if count <= 0 { return false }
            done += count
        }
        return true
    }
}
