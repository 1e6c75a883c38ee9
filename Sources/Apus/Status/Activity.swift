import CApus

/// What a worker's loop does.
nonisolated enum Activity {
    /// Nanoseconds: a loop that has not come back for this long is busy.
    static let busyAfter: UInt64 = 200_000_000

    static func name(_ code: UInt64) -> String {
        switch Int(truncatingIfNeeded: code) {
        case CAPUS_DOING_START: "onWorkerStart"
        case CAPUS_DOING_CONNECT: "onConnect"
        case CAPUS_DOING_MESSAGE: "onMessage"
        case CAPUS_DOING_CLOSE: "onClose"
        case CAPUS_DOING_ERROR: "onError"
        case CAPUS_DOING_BUFFER: "onBufferFull or onBufferDrain"
        case CAPUS_DOING_TIMER: "a timer"
        case CAPUS_DOING_TASK: "a task"
        case CAPUS_DOING_STOP: "onWorkerStop"
        default: "the event loop"
        }
    }

    /// "3.2 s in onMessage"
    static func describe(_ code: UInt64, for nanoseconds: UInt64) -> String {
        let tenths = nanoseconds / 100_000_000
        return "\(tenths / 10).\(tenths % 10) s in \(name(code))"
    }
}
