import Glibc
import TestSupport
import Testing

/// What a connection says of its TLS: spec 02, `Connection.tls`.
@Suite struct TLSFactsTests {
    /// With `--kernel-tls`, on a kernel that has it: whose records the kernel makes can be seen from the connection.
    /// Elsewhere nothing claims that it does.
    @Test(arguments: Setup.all, [false, true])
    func whatTheTwoSidesAgreedOn(_ setup: Setup, _ prefersKernel: Bool) async throws {
        // `Tests/KernelTLS/run.sh` has every server prefer it.
        let isPreferred = prefersKernel || getenv("APUS_TEST_KERNEL_TLS") != nil
        try await withPuppet("text", setup, prefersKernel ? ["--kernel-tls", "yes"] : []) { server in
            let client = try server.connect()
            try client.send("hello\n")
            try server.event("message")
            let facts = try server.tell("tls")
            guard setup.isSecured else {
                #expect(facts == "none")
                return
            }
            // What a Unix socket carries stays with OpenSSL: the kernel does it for TCP alone.
            let usesKernel = isPreferred && setup.transport != .unix && readText("/proc/net/tls_stat") != nil
            #expect(
                facts == "version=TLSv1.3 name=localhost alpn=- peer=- resumed=false kernel=\(usesKernel)", "\(facts)")
        }
    }
}
