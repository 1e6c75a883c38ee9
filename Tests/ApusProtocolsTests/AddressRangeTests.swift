import ApusProtocols
import CApus
import Testing

@Suite struct `Address ranges` {
    private func address(_ text: String) -> capus_address {
        var address = capus_address()
        #expect(capus_address_parse(text, 80, &address))
        return address
    }

    @Test(arguments: [
        ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], ["9.255.255.255", "11.0.0.0", "::a00:1"]),
        ("127.0.0.1", ["127.0.0.1", "::ffff:127.0.0.1"], ["127.0.0.2", "127.0.0.0", "::1"]),
        ("::1", ["::1"], ["::", "::2", "0.0.0.1", "127.0.0.1"]),
        ("fd00::/8", ["fd00::", "fdff:ffff::1"], ["fc00::", "fe00::", "253.0.0.0"]),
        ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255", "::ffff:0:0"], ["::", "::1", "::fffe:0:0"]),
        ("::/0", ["::", "2001:db8::1", "::fffe:0:0"], ["10.0.0.1", "::ffff:10.0.0.1"]),
        ("::ffff:10.0.0.0/104", ["10.9.9.9"], ["11.0.0.0"]),
        ("::ffff:0:0/96", ["1.2.3.4"], ["::1"]),
        ("192.168.1.128/25", ["192.168.1.128", "192.168.1.255"], ["192.168.1.127", "192.168.2.0"]),
        ("2001:db8::/127", ["2001:db8::", "2001:db8::1"], ["2001:db8::2"]),
        ("1.2.3.4/32", ["1.2.3.4"], ["1.2.3.5"]), ("2001:db8::5/128", ["2001:db8::5"], ["2001:db8::4"]),
    ])
    func `hold what has their first bits`(_ text: String, _ inside: [String], _ outside: [String]) throws {
        let range = try AddressRange(text)
        for text in inside { #expect(range.contains(address(text)), "\(range) holds \(text)") }
        for text in outside { #expect(!range.contains(address(text)), "\(range) does not hold \(text)") }
    }

    @Test func `hold no Unix sockets and no unknown addresses`() throws {
        for text in ["0.0.0.0/0", "::/0"] {
            #expect(try !AddressRange(text).contains(capus_address()))
            var unix = capus_address()
            unix.family = 1
            #expect(try !AddressRange(text).contains(unix))
        }
    }

    @Test func `agree with the bits of every prefix length`() throws {
        for length in 0...32 {
            let base: UInt32 = length == 0 ? 0 : 0xC0A8_0180 & (UInt32.max << UInt32(32 - length))
            let text = { (n: UInt32) in "\(n >> 24).\(n >> 16 & 255).\(n >> 8 & 255).\(n & 255)" }
            let range = try AddressRange("\(text(base))/\(length)")
            let last = length == 32 ? base : base | (UInt32.max >> UInt32(length))
            #expect(range.contains(address(text(base))) && range.contains(address(text(last))))
            if base > 0 { #expect(!range.contains(address(text(base - 1)))) }
            if last < .max { #expect(!range.contains(address(text(last + 1)))) }
        }
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.0.0.0/8"), ("1.2.3.4/32", "1.2.3.4"), ("::1/128", "::1"), ("::ffff:1.2.3.4", "1.2.3.4"),
        ("::ffff:0:0/96", "0.0.0.0/0"), ("FD00:0::/8", "fd00::/8"), ("::/0", "::/0"),
    ])
    func `are written in their shortest form`(_ text: String, _ description: String) throws {
        #expect(try AddressRange(text).description == description)
        #expect(try AddressRange(description) == AddressRange(text))
    }

    @Test(arguments: [
        ("", "no IPv4 or IPv6"), ("/8", "no IPv4 or IPv6"), ("localhost", "no IPv4 or IPv6"),
        ("10.0.0", "no IPv4 or IPv6"), ("010.0.0.0/8", "no IPv4 or IPv6"), (" 10.0.0.0/8", "no IPv4 or IPv6"),
        ("[::1]", "no IPv4 or IPv6"), ("127.0.0.1\0", "no IPv4 or IPv6"), ("fe80::1%eth0", "no IPv4 or IPv6"),
        ("10.0.0.0/", "0 to 32"), ("10.0.0.0/33", "0 to 32"), ("10.0.0.0/-1", "0 to 32"), ("10.0.0.0/+8", "0 to 32"),
        ("10.0.0.0/08", "0 to 32"), ("10.0.0.0/8/8", "0 to 32"), ("10.0.0.0/ 8", "0 to 32"), ("10.0.0.0/٨", "0 to 32"),
        ("::/129", "0 to 128"), ("::/9999", "0 to 128"), ("10.0.0.0/255.0.0.0", "0 to 32"),
        ("10.1.0.0/8", "10.0.0.0/8 is the range"), ("::1/127", "::/127 is the range"),
        ("::ffff:0:0/95", "::fffe:0:0/95 is the range"),
    ])
    func `say what is wrong`(_ text: String, _ reason: String) {
        let error = #expect(throws: AddressRangeError.self) { try AddressRange(text) }
        #expect(error?.reason.contains(reason) == true, "\(error as Any)")
    }
}
