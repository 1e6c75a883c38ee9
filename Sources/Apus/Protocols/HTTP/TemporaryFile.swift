import CApus

/// A file with a name nobody can guess that is removed with the last reference, if it is still there.
final class TemporaryFile {
    nonisolated let path: String
    private nonisolated let fd: Int32
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
        guard fd >= 0 else { return }
        capus_close(fd)
        _ = capus_remove_file(path)
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

    /// Gives the file its own name, which another one may have had. When it throws, nothing has changed.
    func move(to target: String, permissions: UInt32) throws(SystemError) {
        var failure = capus_set_mode(fd, permissions)
        if failure == 0 { failure = capus_rename_file(path, target) }
        guard failure == 0 else { throw SystemError("write \(target)", -failure) }
    }

    /// The content, in memory.
    func bytes() throws(SystemError) -> FileMapping {
        if let mapping { return mapping }
        let made = try FileMapping(fd, size)
        mapping = made
        return made
    }
}
