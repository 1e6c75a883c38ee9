import CApus

/// A file with a name nobody can guess that is removed with the last reference, if it is still there.
final class TemporaryFile {
    nonisolated let path: String

    /// Writes `content` into a new file at `prefix` and six random characters.
    init(prefix: String, content: ByteView, permissions: UInt32) throws(SystemError) {
        var template = Array("\(prefix)XXXXXX".utf8CString)
        let failure = content.withUnsafeBytes { bytes in
            capus_write_new_file(&template, bytes.baseAddress, bytes.count, permissions)
        }
        guard failure == 0 else { throw SystemError("write \(prefix)…", -failure) }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    nonisolated deinit { _ = capus_remove_file(path) }
}
