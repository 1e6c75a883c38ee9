import ApusProtocols
import CApus

/// How much a line of the log matters.
public nonisolated enum LogLevel: String, Sendable, CaseIterable {
    /// What an operator wants to know later: starts, stops, reloads.
    case notice
    /// Something is wrong, and the service goes on.
    case warning
    /// Something failed.
    case error
}

/// A line of the framework's own log.
public nonisolated struct LogRecord: Sendable {
    /// How much it matters.
    public let level: LogLevel
    /// One line of text.
    public let message: String
    /// The process it comes from: the master or a worker.
    public let processID: Int32
    /// `YYYY-MM-DD HH:MM:SS`, local time.
    public let time: String

    /// The line as the log file has it, without its end.
    public var text: String { "\(time) pid:\(processID) \(message)" }
}

extension LogRecord {
    /// A line of a worker that may not write the log itself. Such a worker may have been taken over: it says how much
    /// the line matters and what it is, as one line; the time is that of the master. Nil for what is none.
    init?(relayed text: String, by processID: Int32) {
        let words = text.split(atASCII: "\n", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard words.count == 3, let level = LogLevel(rawValue: words[0]) else { return nil }
        self.init(level: level, message: Log.oneLine(words[2]), processID: processID, time: Log.localTime())
    }
}

/// The framework's own log: one line per event, with time and process id, to the log file, and to standard error as
/// long as the program runs in the foreground.
enum Log {
    /// Also write to standard error.
    static var echoes = true
    /// The log file; `/dev/null` for none.
    static var path = "/dev/null"
    /// Bytes after which the file keeps its newer half only; 0 for no limit.
    static var maxSize: Int64 = 10_485_760
    /// Gets the lines instead of the file.
    static var sink: (@MainActor (LogRecord) -> Void)?
    /// Takes the lines of a process that may not write the file; false when it cannot.
    static var relay: (@MainActor (LogRecord) -> Bool)?
    /// The copy on standard error.
    static let copy = LossyOutput(2, "standard error")
    private static var isBroken = false

    static func write(_ message: String, _ level: LogLevel = .notice) {
        let message = oneLine(message)
        let record = LogRecord(level: level, message: message, processID: capus_process_id(), time: localTime())
        if let sink { return sink(record) }
        if let relay, relay(record) {
            if echoes { copy.write(message) }
            return
        }
        append(record)
        if echoes || isBroken { copy.write(message) }
    }

    /// What a peer sent may stand in a message: nothing of it begins a line of its own or moves a terminal's cursor.
    static func oneLine(_ text: String) -> String {
        func isControl(_ scalar: Unicode.Scalar) -> Bool {
            scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || (0x2028...0x2029).contains(scalar.value)
        }
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var escaped = ""
        for scalar in text.unicodeScalars {
            if isControl(scalar) {
                escaped += scalar.escaped(asASCII: true)
            } else {
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// Writes a line to the file, whichever process it comes from.
    static func append(_ record: LogRecord) {
        let failure = Array((record.text + "\n").utf8).withUnsafeBytes {
            capus_append_file(path, $0.baseAddress!, $0.count, 0o640, maxSize)
        }
        if failure != 0, !isBroken {
            let error = SystemError("write the log \(path)", -failure)
            copy.write("\(error); its lines go to standard error until it can be written again")
        }
        isBroken = failure != 0
    }

    static func localTime() -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { buffer in
            capus_local_time(0, buffer.baseAddress!, 32)
            return String(cString: buffer.baseAddress!)
        }
    }
}
