import ApusProtocols
import CApus
import TestSupport
import Testing

/// A `ProxyHeader` in a form that compares.
private enum Outcome: Equatable, CustomStringConvertible {
    case needMore
    case header(Int, String, String)
    case local(Int)
    case invalid

    init(_ header: ProxyHeader) {
        self =
            switch header {
            case .needMore: .needMore
            case .header(let length, let source, let destination):
                .header(length, Self.text(source), Self.text(destination))
            case .local(let length): .local(length)
            case .invalid: .invalid
            }
    }

    private static func text(_ address: capus_address) -> String {
        var address = address
        var text = [CChar](repeating: 0, count: 64)
        capus_address_format(&address, &text, 64)
        let host = text.prefix { $0 != 0 }.map { Character(Unicode.Scalar(UInt8($0))) }
        return "\(address.family) \(String(host)) \(address.port)"
    }

    var description: String {
        switch self {
        case .needMore: "needMore"
        case .header(let length, let source, let destination): "\(length) \(source) > \(destination)"
        case .local(let length): "local \(length)"
        case .invalid: "invalid"
        }
    }
}

private func parse(_ bytes: [UInt8]) -> Outcome { bytes.withUnsafeBytes { Outcome(ProxyHeader.parse($0)) } }

@Suite struct `PROXY protocol` {
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]

    private static func block(
        _ command: UInt8, _ transport: UInt8, _ payload: [UInt8], length: Int? = nil
    ) -> [UInt8] {
        let length = length ?? payload.count
        return signature + [command, transport, UInt8(length >> 8), UInt8(length & 255)] + payload
    }

    private static let four: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 2, 0xDC, 0x04, 0x01, 0xBB]
    private static let six: [UInt8] =
        [0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
        + [0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [2] + [0, 1, 0xFF, 0xFF]
    private static let mapped: [UInt8] =
        [UInt8](repeating: 0, count: 10) + [255, 255, 10, 0, 0, 1] + [UInt8](repeating: 0, count: 15) + [1]
        + [0, 80, 0, 81]
    private static let longestLine =
        "PROXY TCP6 " + Array(repeating: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", count: 2).joined(separator: " ")
        + " 65535 65535\r\n"

    private static func line(_ text: String, _ source: String, _ destination: String) -> ([UInt8], Outcome) {
        ([UInt8](text.utf8), .header(text.utf8.count, source, destination))
    }

    private static let valid: [([UInt8], Outcome)] = [
        line(
            "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "4 255.255.255.255 65535",
            "4 255.255.255.255 65535"),
        line("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", "4 192.168.0.1 56324", "4 192.168.0.11 443"),
        line("PROXY TCP4 0.0.0.0 1.2.3.4 0 1\r\n", "4 0.0.0.0 0", "4 1.2.3.4 1"),
        line("PROXY TCP6 ::1 2001:db8::2 1 65535\r\n", "6 ::1 1", "6 2001:db8::2 65535"),
        line("PROXY TCP6 ::ffff:10.0.0.1 ::1 1 2\r\n", "4 10.0.0.1 1", "6 ::1 2"),
        line(
            longestLine, "6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535",
            "6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535"),
        ([UInt8]("PROXY UNKNOWN\r\n".utf8), .local(15)),
        ([UInt8](("PROXY UNKNOWN" + longestLine.dropFirst(10)).utf8), .local(longestLine.utf8.count + 3)),
        ([UInt8](("PROXY UNKNOWN " + String(repeating: "x", count: 91) + "\r\n").utf8), .local(107)),
        (block(0x21, 0x11, four), .header(28, "4 192.0.2.1 56324", "4 198.51.100.2 443")),
        (block(0x21, 0x21, six), .header(52, "6 2001:db8::1 1", "6 2001:db8::2 65535")),
        (block(0x21, 0x21, mapped), .header(52, "4 10.0.0.1 80", "6 ::1 81")),
        (block(0x21, 0x31, [UInt8](repeating: 0x2F, count: 216)), .header(232, "1  0", "1  0")),
        (
            block(0x21, 0x11, four + [0x04, 0, 1, 0, 0x03, 0, 4, 1, 2, 3, 4]),
            .header(39, "4 192.0.2.1 56324", "4 198.51.100.2 443")
        ),
        (
            block(0x21, 0x11, four + [UInt8](repeating: 9, count: 4084)),
            .header(4112, "4 192.0.2.1 56324", "4 198.51.100.2 443")
        ),
        (block(0x20, 0x00, []), .local(16)), (block(0x20, 0x11, four), .local(28)),
        (block(0x20, 0x11, []), .local(16)), (block(0x20, 0xFF, [1, 2, 3]), .local(19)),
        (block(0x21, 0x00, []), .local(16)), (block(0x21, 0x00, [1, 2, 3]), .local(19)),
        (block(0x21, 0x12, four), .local(28)), (block(0x21, 0x22, six), .local(52)),
        (block(0x21, 0x32, [UInt8](repeating: 0, count: 216)), .local(232)),
    ]

    @Test(arguments: valid.indices)
    func `headers are read however they arrive`(_ index: Int) {
        let (bytes, outcome) = Self.valid[index]
        for count in 0..<bytes.count { #expect(parse([UInt8](bytes[..<count])) == .needMore, "\(count) bytes") }
        #expect(parse(bytes) == outcome)
        #expect(parse(bytes + [UInt8]("GET / HTTP/1.1\r\n\r\n".utf8)) == outcome)
        #expect(parse(bytes + bytes) == outcome)
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n", "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY\r\n", "PROXY \r\n", " PROXY UNKNOWN\r\n",
        "PROXYUNKNOWN\r\n", "PROXY  UNKNOWN\r\n", "PROXY UNKNOWNX\r\n", "PROXY unknown\r\n", "PROXY UNKNOWN\n",
        "PROXY UNKNOWN\rX", "PROXY UNKNOWN\0\r\n", "PROXY UNKNOWN\t\r\n", "PROXY UNKNOWN é\r\n", "PROXY TCP4\r\n",
        "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3.4\t1.2.3.4 1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
        "PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2\r\n", "PROXY TCP6 ::1 ::1\0x 1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 00 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1a 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 99999999999999999999 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4  2\r\n", "PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n", "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP4 1.2.3.4 ::1 1 2\r\n", "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY TCP6 ::1 1.2.3.4 1 2\r\n",
        "PROXY TCP6 ::1%lo ::1 1 2\r\n", "PROXY TCP6 [::1] ::1 1 2\r\n", "PROXY TCP6 :::1 ::1 1 2\r\n",
        "PROXY UNKNOWN " + String(repeating: "x", count: 92) + "\r\n",
        "PROXY UNKNOWN " + String(repeating: "x", count: 93),
    ])
    func `bad lines are refused`(_ text: String) { expectRefused([UInt8](text.utf8)) }

    private static let badBlocks: [[UInt8]] = [
        [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 11], [13, 13],
        block(0x11, 0x11, four), block(0x31, 0x11, four), block(0x01, 0x11, four), block(0x22, 0x11, four),
        block(0x2F, 0x11, four), block(0x21, 0x01, four), block(0x21, 0x10, four), block(0x21, 0x13, four),
        block(0x21, 0x41, four), block(0x21, 0xFF, four), block(0x21, 0x11, [UInt8](four.dropLast())),
        block(0x21, 0x11, []), block(0x21, 0x21, four), block(0x21, 0x31, six), block(0x21, 0x12, []),
        block(0x21, 0x11, four, length: 4097), block(0x20, 0x00, [], length: 65535),
    ]

    @Test(arguments: badBlocks) func `bad blocks are refused`(_ bytes: [UInt8]) { expectRefused(bytes) }

    /// Refused at some byte, and from there on whatever follows.
    private func expectRefused(_ bytes: [UInt8]) {
        var isRefused = false
        for count in 0...bytes.count {
            let outcome = parse([UInt8](bytes[..<count]))
            #expect(outcome == (isRefused ? .invalid : outcome))
            isRefused = outcome == .invalid
            #expect(isRefused || outcome == .needMore)
        }
        #expect(isRefused)
        #expect(parse(bytes + [0, 13, 10]) == .invalid)
    }

    @Test func `changed bytes never trap, and answers are final`() {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<20_000 {
            var bytes = Self.valid.randomElement(using: &random)!.0
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<min(bytes.count, 120), using: &random)
                bytes[index] = .random(in: 0...255, using: &random)
            }
            let whole = parse(bytes)
            let part = parse([UInt8](bytes[..<Int.random(in: 0...bytes.count, using: &random)]))
            #expect(part == .needMore || part == whole)
        }
    }
}
