/// Paths of sites: none leaves its root, and what is shown of one names the same. Names of sessions are no paths.
func fuzzPaths(_ input: UnsafeRawBufferPointer) {
    if let id = SessionID.inCookie(text(input)) {
        check(!id.utf8.contains { $0 == 0 || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ".") }, id)
        check(id.utf8.count <= 256, "a long name")
    }
    guard let path = SitePath(input) else { return }
    for component in path.components {
        check(!component.isEmpty && !component.contains(0) && !component.contains(UInt8(ascii: "/")), path.text)
        check(component != [0x2E] && component != [0x2E, 0x2E], path.text)
    }
    let encoded = path.encoded
    check(encoded.hasPrefix("/") && !encoded.hasPrefix("//"), encoded)
    check(encoded.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "?") }, encoded)
    let again = Array(encoded.utf8).withUnsafeBytes { SitePath($0) }
    check(again?.components == path.components, "\(encoded) of \(text(input)) is another path")
    check(again?.isFolder == (path.isFolder || path.components.isEmpty), "\(encoded) of \(text(input))")
    check(again?.isHidden == path.isHidden, encoded)
}
