public import Apus
public import Logging

extension LogLevel {
    /// The level of swift-log that stands for it.
    public nonisolated var loggerLevel: Logger.Level {
        switch self {
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        }
    }
}

extension Logger {
    /// Makes this logger the place where Apus' own log goes, in the master and in the workers, instead of the log file.
    /// Call it before `Worker.runAll()`, with a handler that starts no threads: in the master there are none.
    public func receiveApusLog() {
        let logger = self
        Worker.logSink = { record in
            logger.log(
                level: record.level.loggerLevel, "\(record.message)", metadata: ["pid": "\(record.processID)"])
        }
    }
}
