import CApus

/// A file without a name that carries text from one process to another.
enum ControlFile {
    /// A descriptor, or a negated errno.
    static func make(_ text: String) -> Int32 {
        var text = text
        return text.withUTF8 { bytes in
            capus_memory_file(UnsafeRawPointer(bytes.baseAddress ?? UnsafePointer(bitPattern: 1)!), bytes.count)
        }
    }

    /// Bytes that are read of a file: a process that gave up root must not fill its master's memory.
    private static let most = 256 * 1024 * 1024

    static func text(of file: Int32) -> String {
        let size = min(capus_file_size(file), most)
        guard size > 0 else { return "" }
        return withUnsafeTemporaryAllocation(byteCount: size, alignment: 1) { buffer in
            var done = 0
            while done < size {
                let count = capus_read_at(file, buffer.baseAddress! + done, size - done, done)
                guard count > 0 else { break }
                done += count
            }
            return String(decoding: buffer[..<done], as: UTF8.self)
        }
    }
}
