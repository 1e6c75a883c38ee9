import CApus

/// A regular file that is open for reading, until nobody holds it any more.
package nonisolated final class OpenFile: Sendable {
    let fd: Int32
    /// As it was when it was opened.
    package let state: FileState
    /// Bytes it had when it was opened.
    package var size: Int { state.size }
    /// All of it, once `keep` was called.
    @MainActor private(set) var kept: [UInt8]?

    /// Why a file cannot be read.
    package enum Failure: Error {
        /// There is none, or what is there is a folder, a device or a pipe.
        case missing
        case notAllowed
        /// The system has no descriptor or memory left, or somebody has a lease on the file.
        case unavailable

        /// `code` is a negated errno.
        init(code: Int32) {
            switch -Int(code) {
            case Int(CAPUS_NOT_PERMITTED): self = .notAllowed
            case Int(CAPUS_NO_DESCRIPTORS), Int(CAPUS_NO_DESCRIPTORS_IN_SYSTEM), Int(CAPUS_NO_MEMORY),
                Int(CAPUS_WOULD_BLOCK):
                self = .unavailable
            default: self = .missing
            }
        }
    }

    /// Opens a file. Nobody is waited for, whatever the path leads to.
    package convenience init(_ path: String) throws(Failure) {
        // What stands behind a NUL the system would not see.
        guard !path.utf8.contains(0) else { throw .missing }
        var facts = capus_file_facts()
        let fd = capus_open_at(-1, path, CAPUS_LINKS_ALL, &facts)
        guard fd >= 0 else { throw Failure(code: fd) }
        guard !facts.is_folder else {
            capus_close(fd)
            throw .missing
        }
        self.init(fd: fd, FileState(facts))
    }

    /// Takes over a descriptor.
    init(fd: Int32, _ state: FileState) {
        self.fd = fd
        self.state = state
    }

    deinit { capus_close(fd) }

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

    /// These bytes; nil when the file has become shorter, or cannot be read.
    package func bytes(in range: Range<Int>) -> [UInt8]? {
        var isRead = true
        let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { bytes, count in
            if let base = bytes.baseAddress { isRead = read(range, into: base) }
            count = isRead ? range.count : 0
        }
        return isRead ? bytes : nil
    }

    /// All of it; nil when it has become shorter, or cannot be read.
    package var content: [UInt8]? { bytes(in: 0..<size) }

    /// Has it sent from memory from now on, without a copy for each client. False when it cannot be read.
    @MainActor
    package func keep() -> Bool {
        kept = kept ?? content
        return kept != nil
    }
}

/// What tells one state of a file from another one, and from other files.
package nonisolated struct FileState: Hashable, Sendable {
    private let device: UInt64
    private let inode: UInt64
    /// Bytes.
    package let size: Int
    /// When it was changed last, in seconds since 1970-01-01 00:00 UTC.
    package let modifiedSeconds: Int64
    package let modifiedNanoseconds: Int64

    init(_ facts: capus_file_facts) {
        device = facts.device
        inode = facts.inode
        size = Int(facts.size)
        modifiedSeconds = facts.modified_seconds
        modifiedNanoseconds = facts.modified_nanoseconds
    }
}
