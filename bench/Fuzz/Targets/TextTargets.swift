import CApus

/// JSON: members stand where they are said to, are values themselves, and all of it is JSON to the checker as well.
func fuzzJSON(_ input: UnsafeRawBufferPointer) {
    let isValue = (try? JSONScanner.check(input)) != nil
    var members = 0
    let isObject =
        (try? JSONScanner.members(of: input) { name, range throws(JSONScanner.Failure) in
            members += 1
            check(!range.isEmpty && range.upperBound <= input.count, "a value beyond the input")
            let value = UnsafeRawBufferPointer(rebasing: input[range])
            check((try? JSONScanner.check(value)) != nil, "a member that is no value: \(text(value))")
            if let string = try? JSONScanner.string(in: input, range) {
                var written: [UInt8] = []
                JSONText.append(string, to: &written)
                let again = written.withUnsafeBytes { try? JSONScanner.string(in: $0, 0..<$0.count) }
                check(again == string, "«\(string)» written and read is «\(again ?? "")»")
            }
            _ = try? JSONScanner.strings(in: input, range)
        }) != nil
    check(!isObject || isValue, "an object of \(members) members that is no value")
}

/// Addresses of HTTP: what is shown is read as the same, and what is resolved is an address.
func fuzzURLs(_ input: UnsafeRawBufferPointer) {
    let parts = text(input).split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    guard let url = try? HTTPURL(String(parts[0])) else { return }
    checkURL(url)
    if parts.count == 2, let resolved = try? url.resolved(String(parts[1])) {
        checkURL(resolved)
        check(resolved.credentials == nil || String(parts[1]).contains("@"), "credentials were inherited")
    }
}

private func checkURL(_ url: HTTPURL) {
    let isClean = { (text: String) in text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } }
    check(url.target.hasPrefix("/") && isClean(url.target), "target «\(url.target)»")
    check(isClean(url.authority) && !url.host.isEmpty, "authority «\(url.authority)»")
    guard let again = try? HTTPURL(url.description) else { fatalError("«\(url)» is no address") }
    check(again.hasOrigin(of: url) && again.target == url.target, "«\(url)» becomes «\(again)»")
}

/// `Set-Cookie` as a client reads it.
func fuzzReceivedCookies(_ input: UnsafeRawBufferPointer) {
    let now = HTTPTime(seconds: 1_700_000_000)
    guard let cookie = ReceivedCookie(text(input), now: now) else { return }
    // Bytes: to Swift U+037E, a Greek question mark, is a semicolon.
    check(!cookie.name.utf8.contains { ";=".utf8.contains($0) } && !cookie.value.utf8.contains(0x3B), "\(cookie)")
    check(cookie.path?.hasPrefix("/") ?? true, "path \(cookie.path ?? "")")
    _ = cookie.end(now: now)
}

/// PROXY headers: more bytes change no answer, and none goes beyond what has come.
func fuzzProxyHeader(_ input: UnsafeRawBufferPointer) {
    guard let first = input.first else { return }
    let bytes = Array(input.dropFirst())
    func parse(_ count: Int) -> (length: Int?, text: String) {
        // Of its own, so that AddressSanitizer sees what goes beyond it.
        Array(bytes[..<count]).withUnsafeBytes { bytes in
            switch ProxyHeader.parse(bytes) {
            case .needMore: return (nil, "")
            case .header(let length, let source, let destination):
                check(length <= count, "beyond the input")
                return (length, "\(source.family) \(source.port) \(destination.family) \(destination.port)")
            case .local(let length):
                check(length <= count, "beyond the input")
                return (length, "local")
            case .invalid: return (0, "invalid")
            }
        }
    }
    let part = parse(bytes.count * Int(first) / 256)
    let whole = parse(bytes.count)
    if part.length != nil { check(part == whole, "\(part), then \(whole)") }
}
