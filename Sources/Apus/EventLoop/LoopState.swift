import CApus

/// What connections need of their loop at every message. A struct behind a pointer, since a reference to an object
/// would be retained and released, atomically, at every use.
struct LoopState {
    var output: OutputBuffer
    var date = HTTPDate()
    var heads = ResponseHeads()
    var start = ResponseStart()
    /// Seconds since the loop started, for time-outs that need no more than that.
    var second: UInt32 = 0
    /// Who has published something that was not given to all whom it is for.
    var pendingPublishers = 0
    /// The counters that the master and `status` read.
    let status: UnsafeMutablePointer<capus_worker_status>
}
