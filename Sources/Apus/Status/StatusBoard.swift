import CApus

/// The counters of all processes of a service, in memory that they share: what `status` and the metrics are made of,
/// without asking anybody.
final class StatusBoard {
    /// The memory's descriptor, which worker processes inherit.
    let fd: Int32
    private let board: OpaquePointer

    /// Makes a new board.
    init() throws(SystemError) {
        fd = capus_memory_create(Int(capus_board_size()))
        guard fd >= 0 else { throw SystemError("make the status board", -fd) }
        guard let board = capus_board_map(fd) else { throw SystemError.last("map the status board") }
        self.board = board
        guard capus_random(capus_board_secret(board), Int(CAPUS_TLS_SECRET_BYTES)) else {
            throw SystemError("get random bytes", capus_last_error())
        }
    }

    /// TLS sessions begun with one process of the service are resumed by the others, and over reloads: all seal their
    /// tickets with keys made of one secret.
    func shareTicketSecret() { capus_tls_set_secret(capus_board_secret(board)) }

    /// Maps the board of another process; nil when there is none.
    init?(fd: Int32) {
        guard let board = capus_board_map(fd) else { return nil }
        self.fd = fd
        self.board = board
    }

    /// An entry for a new process, −1 when all are in use.
    func claim(_ worker: String, id: Int) -> Int32 { capus_board_claim(board, worker, Int32(clamping: id)) }

    func entry(_ index: Int32) -> UnsafeMutablePointer<capus_worker_status> { capus_board_entry(board, index) }

    /// The process of an entry has ended.
    func retire(_ index: Int32) { capus_board_retire(board, index) }

    /// All entries in use, at one moment.
    var entries: [capus_worker_status] {
        let capacity = Int(CAPUS_BOARD_CAPACITY)
        return [capus_worker_status](unsafeUninitializedCapacity: capacity) { buffer, count in
            count = Int(capus_board_snapshot(board, buffer.baseAddress!, Int32(capacity)))
        }
    }
}

nonisolated extension capus_worker_status {
    /// The name of the worker that the entry belongs to.
    var workerName: String {
        withUnsafeBytes(of: worker) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Nanoseconds since the loop last waited, if it has been away for as long as makes it busy.
    func busyTime(at now: UInt64) -> UInt64? {
        guard busy_since_ns > 0, now > busy_since_ns, now - busy_since_ns > Activity.busyAfter else { return nil }
        return now - busy_since_ns
    }
}
