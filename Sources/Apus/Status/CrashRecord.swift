import CApus

/// What a worker was doing last, read from its entry on the board after it died.
struct CrashRecord: CustomStringConvertible {
    let description: String
    /// Where it was, innermost first; empty after a signal from outside.
    let backtrace: [String]

    /// `canName`: the process ran the executable that this one runs, so that its addresses mean something here.
    init(_ status: UnsafeMutablePointer<capus_worker_status>, canName: Bool) {
        let page = status.pointee
        var text = "last in \(Activity.name(page.doing))"
        if page.doing == UInt64(CAPUS_DOING_MESSAGE) || page.doing == UInt64(CAPUS_DOING_CONNECT) {
            let peer = page.peer.family == 1 ? "unix" : page.peer.text
            // Connections are counted from 1.
            text +=
                page.connection_id == 0 ? " of a datagram of \(peer)" : " of connection \(page.connection_id) (\(peer))"
        }
        description = text
        let count = Int32(clamping: min(page.frame_count, UInt64(CAPUS_BACKTRACE_DEPTH)))
        let frames = canName ? (0..<count).compactMap { Self.frame(status, $0) } : []
        // Below the loop all processes are alike.
        backtrace = Array(frames.prefix { !$0.contains("Apus.EventLoop.") })
    }

    private static func frame(_ status: UnsafeMutablePointer<capus_worker_status>, _ index: Int32) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { text in
            capus_crash_frame(status, index, text.baseAddress!, 512) ? String(cString: text.baseAddress!) : nil
        }
    }
}
