/// What is wrong with an address.
package struct URLFault: Error, Equatable {
    package let reason: String
}

/// User, host and port of an address (RFC 3986 §3.2).
package struct URLAuthority: Equatable {
    /// What stands before `@`, percent-encoded as it was given.
    package let userInfo: String?
    /// The host, an IPv6 address without its brackets.
    package let host: String
    /// Nil where none is named, or nothing stands behind its colon (RFC 3986 §3.2.3).
    package let port: UInt16?

    /// An address for people to read, who need not know the password in it.
    package static func withoutLogin(_ address: String) -> String {
        guard let at = address.lastIndex(ofASCII: "@") else { return address }
        let start = address.firstRange(of: "://")?.upperBound ?? address.startIndex
        return start < at ? address[..<start] + "…" + address[at...] : address
    }

    /// Reads what stands between `//` and the path.
    package init(_ text: Substring) throws(URLFault) {
        let at = text.lastIndex(ofASCII: "@")
        userInfo = at.map { String(text[..<$0]) }
        let place = at.map { text.behind($0) } ?? text
        let digits: Substring
        (host, digits) = try Self.split(place)
        guard !digits.isEmpty else {
            port = nil
            return
        }
        guard digits.utf8.allSatisfy({ $0 &- 0x30 <= 9 }), let number = UInt16(digits), number > 0 else {
            throw URLFault(reason: "the port is a number from 1 to 65535")
        }
        port = number
    }

    private static func split(_ place: Substring) throws(URLFault) -> (host: String, digits: Substring) {
        var host = place
        var port: Substring = ""
        if place.hasPrefix("[") {
            host = place.dropFirst().prefix(beforeASCII: "]")
            port = place.dropFirst(host.count + 2)
            guard place.count >= host.count + 2, host.utf8.allSatisfy(isAddressByte),
                host.count(where: { $0 == ":" }) >= 2
            else { throw URLFault(reason: "between the brackets is no IPv6 address") }
        } else {
            host = place.prefix(beforeASCII: ":")
            port = place.dropFirst(host.count)
            guard !port.dropFirst().contains(":") else {
                throw URLFault(reason: "an IPv6 address goes in brackets, as in //[::1]:8080/")
            }
            guard (1...255).contains(host.utf8.count), host.utf8.allSatisfy(isUnreserved) else {
                throw URLFault(reason: "a host has 1 to 255 letters, digits and -._~")
            }
        }
        guard port.isEmpty || port.hasPrefix(":") else { throw URLFault(reason: "what follows ] is no port") }
        return (String(host), port.dropFirst())
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        isHexDigit(byte) || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
    }
}

/// Whether the byte stands for itself everywhere in an address (RFC 3986 §2.3).
package func isUnreserved(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        true
    default: false
    }
}
