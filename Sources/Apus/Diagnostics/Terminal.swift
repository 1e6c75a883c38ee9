import CApus

/// Standard output and error, without buffering.
package nonisolated enum Terminal {
    static func write(_ text: String) { write(text + "\n", to: 1) }
    static func writeError(_ text: String) { write(text + "\n", to: 2) }

    /// Text as it is, without an end of line.
    static func write(raw text: String) { write(text, to: 1) }

    /// Columns of the terminal that standard output is; nil when it is none.
    static var width: Int? {
        let width = Int(capus_terminal_width(1))
        return width > 0 ? width : nil
    }

    /// Whether standard output may be coloured: it is a terminal, and `NO_COLOR` is not set.
    static var hasColors: Bool {
        if capus_environment("NO_COLOR") != nil { return false }
        if let program = capus_environment("TERM_PROGRAM"), String(cString: program) == "Hyper" { return true }
        return capus_is_terminal(1)
    }

    /// Writes all of it, or as much as can be written.
    package static func write(_ text: String, to fd: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var written = 0
            while written < bytes.count {
                let count = capus_write(fd, bytes.baseAddress! + written, bytes.count - written)
                guard count > 0 else { return }
                written += count
            }
        }
    }
}
