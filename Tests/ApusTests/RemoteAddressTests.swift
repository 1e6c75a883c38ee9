import Testing

@testable import Apus

@Suite struct `Addresses` {
    @Test(arguments: ["127.0.0.1\0:80", "[::1\0]:80", "[::1\0x]:80", "/tmp/a\0b", "unix:/tmp/a\0"])
    func `with a NUL are refused`(_ text: String) {
        #expect(throws: AddressError.self) { try SocketAddress(text) }
        #expect(throws: AddressError.self) { try RemoteAddress(text, isSecured: false) }
        #expect(HostAddress("::1\0") == nil)
    }

    /// `؄:` is one character to Swift, and `é` no letter of a name: neither hides the port.
    @Test(arguments: ["113\u{604}:80", "h\u{E9}:80", "h:\u{301}80", "h\u{301}"])
    func `of hosts are ASCII`(_ text: String) {
        #expect(throws: AddressError.self) { try RemoteAddress(text, isSecured: false) }
    }

    @Test(arguments: ["//tmp/a", "unix:tmp/a", "unix:///tmp/a"])
    func `of Unix sockets are read from what is shown of them`(_ text: String) throws {
        let address = try SocketAddress(text)
        #expect(address == .unix(path: "/tmp/a"))
        #expect(try SocketAddress(address.description) == address)
    }

    @Test(arguments: ["/tmp/a://b", "unix:/tmp/a://b", "unix:///tmp/a://b"])
    func `of Unix sockets may have the end of a scheme in them`(_ text: String) throws {
        let address = try RemoteAddress(text, isSecured: false)
        #expect(address.place == .unix(path: "/tmp/a://b"))
        #expect(try RemoteAddress(address.description, isSecured: false).place == address.place)
    }
}
