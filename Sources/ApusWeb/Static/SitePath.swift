import ApusProtocols

/// The path of a request, taken apart: what it names beneath the root of a site.
nonisolated struct SitePath {
    /// Decoded once; none is empty, "." or "..", and none holds a slash or NUL.
    private(set) var components: [[UInt8]]
    /// The path ends in a slash: it names a folder.
    let isFolder: Bool
    /// It has slashes in a row, which others take for names that are empty.
    let hasEmptyNames: Bool

    /// Nil for what names nothing that a site would serve: dot segments, which clients resolve before they ask, and
    /// encoded slashes and NULs, which are used to hide them. In `components` slashes in a row count as one.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.first == UInt8(ascii: "/") else { return nil }
        components = []
        isFolder = bytes.last == UInt8(ascii: "/")
        hasEmptyNames = zip(bytes, bytes.dropFirst()).contains { $0 == UInt8(ascii: "/") && $0 == $1 }
        for part in bytes.split(separator: UInt8(ascii: "/")) {
            var decoded = PercentDecodedBytes(UnsafeRawBufferPointer(rebasing: part), plusIsBlank: false)
            var component: [UInt8] = []
            while let byte = decoded.next() {
                if byte == 0 || byte == UInt8(ascii: "/") { return nil }
                component.append(byte)
            }
            if component == Self.dot || component == Self.dot + Self.dot { return nil }
            components.append(component)
        }
    }

    private static let dot = [UInt8(ascii: ".")]

    /// Some component is the name of a hidden file or folder. `.well-known` at the top is none (RFC 8615).
    var isHidden: Bool {
        guard let first = components.first else { return false }
        let visible = first.elementsEqual(".well-known".utf8) ? components.dropFirst() : components[...]
        return visible.contains { $0.first == UInt8(ascii: ".") }
    }

    /// As a client is to write it, so that nobody takes it for anything but a path on this host.
    var encoded: String {
        let path = components.map { "/" + Self.encode($0) }.joined()
        return isFolder || components.isEmpty ? path + "/" : path
    }

    /// The same place as a folder.
    var encodedAsFolder: String { isFolder ? encoded : encoded + "/" }

    /// For people, and for the extension of the last name.
    var text: String { "/" + components.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/") }

    /// A name as a part of a path (RFC 3986 §3.3): all but unreserved characters (§2.3) are encoded.
    static func encode(_ name: [UInt8]) -> String {
        PercentCoding.encode(name) { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "-._~".utf8.contains(byte)
            }
        }
    }
}
