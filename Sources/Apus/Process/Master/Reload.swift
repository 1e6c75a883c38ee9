import CApus

/// A reload that is under way. The master's part is in `Master+reload`.
///
/// It goes through three stages. A *probe* runs the program that is on disk now up to the point where it would serve:
/// a program that crashes, or cannot bind, goes no further. The master then *becomes* that program, keeping its process
/// id, its children and its sockets. The new master *replaces* one process after the other, each new one accepting
/// before the old one leaves; the first of each worker show whether the program can serve at all, and if one of them
/// cannot, the master becomes the old program again, once a probe has shown that it still can.
final class Reload {
    /// Nanoseconds a replacement may take to become ready.
    static let readyTimeout: Int64 = 30_000_000_000
    /// Nanoseconds that a program may take to say that it could serve.
    static let probeTimeout: Int64 = 30_000_000_000

    /// A process that tries out a program.
    struct Probe {
        enum Candidate {
            /// The one that is on disk.
            case next
            /// The one that this one took the place of, since this one cannot serve, for a reason.
            case previous(String)
        }

        let candidate: Candidate
        let pid: Int32
        let channel: Int32
        let deadline: Int64
    }

    let isGraceful: Bool
    var probe: Probe?
    /// Places to fill anew, in order; the first of each worker lead.
    var queue: [WorkerSlot] = []
    /// How many places at the head of the queue have to be ready before the first old process leaves.
    var firsts = 0
    /// Places whose new process is ready and waits for the others of the first.
    var held: [WorkerSlot] = []
    /// The process that has to become ready next.
    var awaited: WorkerChild?
    /// A process of the new program serves alone: there is no way back.
    var hasTakenOver = false
    /// The program that this one took the place of: a descriptor of its executable; −1 without one.
    var previousProgram: Int32 = -1
    /// What that shared, if this program shares something else.
    var previousMemory: SharedMemory?

    init(isGraceful: Bool) { self.isGraceful = isGraceful }

    /// Whether the end of this process, which was in this place, ends the reload.
    func awaits(_ child: WorkerChild, in slot: WorkerSlot) -> Bool {
        child === awaited
            || held.contains { $0 === slot } && (slot.replacement ?? slot.current) === child && !hasTakenOver
    }
}
