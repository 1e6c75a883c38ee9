import CApus

/// A file with a name nobody can guess that is removed with the last reference, if it is still there.
final class TemporaryFile {
    nonisolated let path: String
    /// Negative once all was written: thousands of files may wait for their handlers, and descriptors are few.
    private nonisolated(unsafe) var fd: Int32
    /// Bytes that were written.
    private(set) var size = 0
    private var mapping: FileMapping?

    /// Makes an empty file at `prefix` and six random characters, for this user alone.
    init(prefix: String) throws(SystemError) {
        var template = Array("\(prefix)XXXXXX".utf8CString)
        fd = template.withUnsafeMutableBufferPointer { capus_create_temporary($0.baseAddress!) }
        guard fd >= 0 else {
            path = ""
            throw SystemError("write \(prefix)…", -fd)
        }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    nonisolated deinit {
        finish()
        if !path.isEmpty { _ = capus_remove_file(path) }
    }

    /// Adds bytes at the end. Blocks until the system has taken them.
    func append(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let written = capus_write(fd, bytes.baseAddress! + done, bytes.count - done)
            guard written > 0 else { throw SystemError("write \(path)", written == 0 ? 0 : Int32(-written)) }
            done += written
        }
        size += done
    }

    /// Nothing more is written.
    nonisolated func finish() {
        guard fd >= 0 else { return }
        capus_close(fd)
        fd = -1
    }

    private func withDescriptor<T>(_ body: (Int32) throws(SystemError) -> T) throws(SystemError) -> T {
        if fd >= 0 { return try body(fd) }
        var facts = capus_file_facts()
        let opened = capus_open_at(-1, path, CAPUS_LINKS_NONE, &facts)
        guard opened >= 0 else { throw SystemError("read \(path)", -opened) }
        defer { capus_close(opened) }
        return try body(opened)
    }

    /// Gives the file its own name, which another one may have had. When it throws, nothing has changed.
    func move(to target: String, permissions: UInt32) throws(SystemError) {
        try withDescriptor { (fd) throws(SystemError) in
            var failure = capus_set_mode(fd, permissions)
            if failure == 0 { failure = capus_rename_file(path, target) }
            guard failure == 0 else { throw SystemError("write \(target)", -failure) }
        }
    }

    /// The content, in memory.
    func bytes() throws(SystemError) -> FileMapping {
        if let mapping { return mapping }
        let size = size
        let made = try withDescriptor { (fd) throws(SystemError) in try FileMapping(fd, size) }
        mapping = made
        return made
    }
}
