import ApusProtocols
import CApus

/// Which peers are load balancers that say whose connection they hand on.
struct ProxyTrust {
    private var ranges: [AddressRange] = []
    private var includesUnix = false

    init() {}

    /// Reads ranges of addresses; "unix" stands for the peers of Unix sockets.
    init(_ texts: [String]) throws(AddressError) {
        for text in texts {
            if text == "unix" {
                includesUnix = true
                continue
            }
            do throws(AddressRangeError) {
                ranges.append(try AddressRange(text))
            } catch {
                throw AddressError(text: text, reason: error.reason)
            }
        }
    }

    func contains(_ peer: capus_address) -> Bool {
        if peer.family == 1 { return includesUnix }
        return !ranges.isEmpty && ranges.contains { $0.contains(peer) }
    }
}
