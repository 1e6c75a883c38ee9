import CApus

/// Lines for a descriptor that perhaps nobody reads. A service that waited for a reader would stop with its log: what
/// finds no room is dropped, and how much that was is told as soon as there is room.
///
/// One case still waits: a terminal of somebody else than the process's user (and a pipe, before Linux 6.4) whose last
/// room goes to another process at the same moment, or that has less room than a line is long.
@MainActor package final class LossyOutput {
    /// Bytes that a pipe takes whole, or else is not ready for (`PIPE_BUF`).
    private static let piece = 4096

    private let fd: Int32
    private let name: String
    /// Lines that found no room since there was some last.
    private(set) var dropped = 0
    /// The beginning of a line found room, and the rest did not.
    private var isCut = false

    /// `name` is what the descriptor is called where lines are missing.
    package init(_ fd: Int32, _ name: String) {
        self.fd = fd
        self.name = name
    }

    nonisolated deinit {}

    /// Writes a line, or drops it.
    package func write(_ line: String) { write(lines: Array((line + "\n").utf8)) }

    /// Writes lines, each with its end, as many at once as a pipe takes whole. Those that find no room are dropped.
    package func write(lines: [UInt8]) {
        var rest = lines[...]
        while !rest.isEmpty {
            let end = rest.prefix(Self.piece).lastIndex(of: 0x0A) ?? rest.firstIndex(of: 0x0A) ?? rest.endIndex - 1
            add(rest[...end])
            rest = rest[(end + 1)...]
        }
    }

    private func add(_ lines: ArraySlice<UInt8>) {
        var text: [UInt8] = isCut ? [0x0A] : []
        if dropped > 0 { text += Array("\(dropped) line(s) were dropped here: nobody reads \(name)\n".utf8) }
        text += lines
        let written = text.withUnsafeBufferPointer { write($0) }
        if written == 0 {
            dropped += Self.ends(lines)
        } else {
            dropped = Self.ends(text[written...])
            isCut = text[written - 1] != 0x0A
        }
    }

    private static func ends(_ lines: ArraySlice<UInt8>) -> Int { lines.count { $0 == 0x0A } }

    /// Returns how many bytes found room.
    private func write(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var written = 0
        while written < bytes.count {
            let count = capus_write_now(fd, bytes.baseAddress! + written, min(Self.piece, bytes.count - written))
            guard count > 0 else { break }
            written += count
        }
        return written
    }
}
