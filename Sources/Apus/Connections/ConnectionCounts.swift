import ApusProtocols
import CApus

/// How many connections each address has.
final class ConnectionCounts {
    private var counts: [UInt128: Int] = [:]
    private var lastComplaint = Int64.min

    init(_ peers: some Sequence<capus_address>) {
        for peer in peers { add(peer) }
    }

    func count(of peer: capus_address) -> Int { counts[peer.number] ?? 0 }

    func add(_ peer: capus_address) { counts[peer.number, default: 0] += 1 }

    func remove(_ peer: capus_address) {
        let left = count(of: peer) - 1
        counts[peer.number] = left > 0 ? left : nil
    }

    /// Whether a refusal is worth a line in the log: once a second.
    func mayComplain(now: Int64) -> Bool {
        guard lastComplaint == .min || now - lastComplaint > 1_000_000_000 else { return false }
        lastComplaint = now
        return true
    }
}
