import Apus
import ApusProtocols
import CApus

/// Responses of one server have mostly the same head: the connections of a client share what was read last.
nonisolated final class ReceivedHeadCache: Sendable {
    /// A larger head is read each time.
    private static let mostKept = 4096

    // Used by the one loop of its client alone, as all that follows.
    @exclusivity(unchecked) nonisolated(unsafe) var framing = HTTPResponseHeadCache()
    @exclusivity(unchecked) private nonisolated(unsafe) var bytes: [UInt8] = []
    @exclusivity(unchecked) private nonisolated(unsafe) var last: ReceivedHead?

    init() {}

    func head(_ bytes: UnsafeBufferPointer<UInt8>, status: Int) -> ReceivedHead {
        if let last, self.bytes.count == bytes.count, memcmp(self.bytes, bytes.baseAddress!, bytes.count) == 0 {
            return last
        }
        let head = ReceivedHead(bytes, status: status)
        if bytes.count <= Self.mostKept {
            self.bytes = Array(bytes)
            last = head
        }
        return head
    }
}
