import Testing

@testable import Apus

@Suite struct SocketOptionsTests {
    /// The kernel does not repeat a probe: one that is lost must not end a healthy connection.
    @Test func aLostProbeIsNotTheEnd() {
        let keepAlive = SocketOptions.KeepAlive()
        #expect(keepAlive.probes >= 3)
        #expect(keepAlive.idle + keepAlive.interval * keepAlive.probes <= 120)
    }
}
