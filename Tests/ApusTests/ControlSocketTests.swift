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
        // A process that another test starts has the descriptors, too, until it is another program.
        var query = pollfd(fd: client, events: Int16(POLLIN), revents: 0)
        try #require(poll(&query, 1, 60_000) == 1)
        var byte: UInt8 = 0
        #expect(recv(client, &byte, 1, Int32(MSG_DONTWAIT)) == 0)
    }
}
