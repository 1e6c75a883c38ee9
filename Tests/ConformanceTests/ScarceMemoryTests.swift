import TestSupport
import Testing

/// What becomes of a connection whose output cannot be held any more.
@Suite struct ScarceMemoryTests {
    /// An output with a hole would be taken for a whole one: the connection ends, and the others go on.
    @Test(arguments: Setup.all, [3000, 100_000])
    func whatCannotBeHeldEndsItsConnectionOnly(_ setup: Setup, _ size: Int) async throws {
        for waits in [false, true] {
            try await withPuppet("raw", setup, ["--scarce-memory", "1"]) { server in
                let other = try server.connect()
                try server.event("connect 1")
                let client = try server.connect(receiveBuffer: 4096)
                try server.event("connect 2")
                try server.tell("squeeze")
                // The kernel takes no more, and something waits already, or does not.
                if setup.isSecured {
                    while try server.tell("send 20000").hasPrefix("sent") {}
                    if !waits { return }
                } else {
                    try server.tell("fill")
                    if waits { #expect(try server.tell("send 5000") == "queued 5000") }
                }
                #expect(try server.tell("send-without-memory \(size)") == "failed closed")
                #expect(try server.event("error") == "error 2 no memory for what waits to be sent")
                #expect(try server.event("close") == "close 2")
                _ = try client.readToEnd()
                try other.send("still here")
                #expect(try server.event("message") == "message still here")
            }
        }
    }
}
