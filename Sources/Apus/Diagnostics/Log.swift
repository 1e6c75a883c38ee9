import CApus

/// The framework's own log: one line per event, with time and process id, to the log file, and to standard error as
/// long as the program runs in the foreground.
enum Log {
    /// Also write to standard error.
    static var echoes = true
    /// The log file; `/dev/null` for none.
    static var path = "/dev/null"

    static func write(_ message: String) {
        let time = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { buffer in
            capus_local_time(0, buffer.baseAddress!, 32)
            return String(cString: buffer.baseAddress!)
        }
        let line = Array("\(time) pid:\(capus_process_id()) \(message)\n".utf8)
        let failure = line.withUnsafeBytes {
            capus_append_file(path, $0.baseAddress!, $0.count, 0o640)
        }
        if echoes || failure != 0 { Terminal.writeError(message) }
    }
}

/// Standard output and error, without buffering.
enum Terminal {
    static func write(_ text: String) { write(text, to: 1) }
    static func writeError(_ text: String) { write(text, to: 2) }

    private static func write(_ text: String, to fd: Int32) {
        _ = Array((text + "\n").utf8).withUnsafeBytes { capus_write(fd, $0.baseAddress!, $0.count) }
    }
}
