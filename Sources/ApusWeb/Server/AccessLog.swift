import Apus
import CApus

/// An access log in a file: lines are collected and written together, once a second or when there are many.
///
/// The file is opened for each writing, so one that was moved away is made anew, without a signal. Several processes
/// may write to one; lines are never mixed.
public final class AccessLog {
    private let path: String
    private let format: AccessLogFormat
    private var pending: [UInt8] = []
    private var timer: WorkerTimer?
    private var hasFailed = false
    private var isFlushedAtEnd = false
    private let terminal = LossyOutput(1, "standard output")

    private static let enoughBytes = 32 * 1024

    /// Writes to the file at `path`, made with permissions 0640; "-" is standard output, where lines that nobody reads
    /// are dropped, and counted.
    public init(_ path: String, format: AccessLogFormat = .combined) {
        self.path = path
        self.format = format
    }

    nonisolated deinit {}

    /// Adds a line.
    public func write(_ record: AccessRecord) {
        pending += Array(format.line(record).utf8)
        if pending.count >= Self.enoughBytes { return flush() }
        guard timer == nil else { return }
        if !isFlushedAtEnd {
            isFlushedAtEnd = true
            EventLoop.current.lastActions.append { [weak self] in self?.flush() }
        }
        timer = WorkerTimer.after(1) { [weak self] _ in self?.flush() }
    }

    /// Writes what is collected. Done when a worker process ends, too.
    public func flush() {
        timer?.cancel()
        timer = nil
        guard !pending.isEmpty else { return }
        if path == "-" {
            terminal.write(lines: pending)
        } else {
            let failure = pending.withUnsafeBytes { capus_append_file(path, $0.baseAddress!, $0.count, 0o640, 0) }
            if failure != 0, !hasFailed {
                let reason = String(cString: capus_error_text(-failure))
                Worker.log("the access log \(path) cannot be written: \(reason)", level: .error)
            }
            hasFailed = failure != 0
        }
        pending.removeAll(keepingCapacity: true)
    }
}
