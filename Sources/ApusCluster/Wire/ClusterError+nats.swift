import ApusNATS
import ApusProtocols

extension ClusterError {
    /// What has gone wrong with NATS.
    init(_ error: NATSError) {
        self =
            switch error {
            case .unavailable(let reason): .unavailable(reason)
            case .noResponders: .unavailable("JetStream is not there: start nats-server with -js")
            case .connectionLost(let reason): .connectionLost(reason)
            case .timedOut(let seconds): .timedOut(seconds)
            case .sendBufferFull: .unavailable("too much waits to be sent")
            case .closed: .closed
            case .invalidAddress: .invalidAddress("\(error)")
            case .refused, .invalidMessage: .refused("\(error)")
            }
    }
}

/// Addresses of NATS servers: `nats://…` or `tls://…`, and behind a slash what keeps apart the values of several users.
nonisolated struct NATSAddress {
    /// As the NATS client takes it.
    let server: String
    /// "apus" unless the address says something else.
    let bucket: String

    /// Nil for what names no NATS server.
    init?(_ text: String) {
        guard text.hasPrefix("nats://") || text.hasPrefix("tls://"), let scheme = text.firstRange(of: "://") else {
            return nil
        }
        // A password may hold slashes.
        let place = text[scheme.upperBound...].lastIndex(ofASCII: "@") ?? scheme.upperBound
        guard let slash = text[place...].firstIndex(ofASCII: "/") else {
            server = text
            bucket = "apus"
            return
        }
        server = String(text[..<slash])
        let name = text.behind(slash)
        bucket = name.isEmpty ? "apus" : String(name)
    }
}
