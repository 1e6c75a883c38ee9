import CApus
import Glibc
import Testing

@testable import Apus

/// The master's side of the control socket.
@Suite struct ControlSocketTests {
    /// A master makes another one when its file is gone.
    @Test func `leaves nobody behind who was connected`() throws {
        let path = "/tmp/apus-control-\(getpid()).sock"
        defer { unlink(path) }
        let control = try #require(ControlSocket(path: path))
        var isPending = false
        let client = capus_connect_unix(path, &isPending)
        defer { close(client) }
        try #require(client >= 0)
        control.accept()
        #expect(control.clients.count == 1)
        control.close()
        var byte: UInt8 = 0
        #expect(recv(client, &byte, 1, Int32(MSG_DONTWAIT)) == 0)
        #expect(capus_connect_unix(path, &isPending) == -ECONNREFUSED)
    }
}
