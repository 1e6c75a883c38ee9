import CApus

/// What a worker was doing last, read from its status page after it died.
struct CrashRecord: CustomStringConvertible {
    let description: String

    init(_ status: UnsafeMutablePointer<capus_worker_status>) {
        let page = status.pointee
        var text = "last in \(Activity.name(page.doing))"
        if page.doing == UInt64(CAPUS_DOING_MESSAGE) || page.doing == UInt64(CAPUS_DOING_CONNECT) {
            text += " of connection \(page.connection_id) (\(page.peer.family == 1 ? "unix" : page.peer.text))"
        }
        description = text
    }
}

/// Names for what a worker's loop does.
enum Activity {
    static func name(_ code: UInt64) -> String {
        switch Int(code) {
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
}
