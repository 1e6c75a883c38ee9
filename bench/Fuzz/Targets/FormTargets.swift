/// Multipart bodies: parts lie in order within the body. The boundary is what the first byte says.
func fuzzMultipart(_ input: UnsafeRawBufferPointer) {
    guard let first = input.first else { return }
    let boundary = first & 1 == 0 ? [UInt8(ascii: "b")] : Array("----boundary".utf8)
    let limits = MultipartLimits(maxParts: 8, maxFields: 4, maxHeadBytes: 200, maxNameBytes: 20)
    let body = UnsafeRawBufferPointer(rebasing: input[1...])
    guard let parts = try? MultipartParser(boundary: boundary, limits: limits).parse(body) else { return }
    check(parts.count <= 8 && parts.count(where: { $0.fileName == nil }) <= 4, "more parts than allowed")
    var end = 0
    for part in parts {
        check(part.head.lowerBound >= end && part.head.upperBound <= part.content.lowerBound, "out of order")
        check(part.content.upperBound <= body.count, "beyond the body")
        check(part.name.utf8.count <= 20 && part.head.count <= 200, "beyond the limits")
        end = part.content.upperBound
    }
}

/// Cookies: in order, apart, and nothing is left.
func fuzzCookies(_ input: UnsafeRawBufferPointer) {
    var scanner = CookieScanner(input)
    var end = 0
    while let cookie = scanner.next() {
        check(!cookie.name.isEmpty && cookie.name.lowerBound >= end, "out of order")
        check(cookie.value.lowerBound > cookie.name.upperBound && cookie.value.upperBound <= input.count, "beyond")
        end = cookie.value.upperBound
    }
    check(scanner.position >= input.count, "something is left")
}

/// Urlencoded forms and percent-encoding: in order, and what was decoded is found again.
func fuzzURLEncoded(_ input: UnsafeRawBufferPointer) {
    var scanner = URLEncodedScanner(input)
    var nesting = FormNesting(maxContainers: 50)
    var end = 0
    var count = 0
    while let field = scanner.next() {
        check(field.name.lowerBound >= end && field.name.upperBound <= field.value.lowerBound, "out of order")
        check(field.value.upperBound <= input.count, "beyond the form")
        end = field.value.upperBound
        count += 1
        let name = UnsafeRawBufferPointer(rebasing: input[field.name])
        let value = UnsafeRawBufferPointer(rebasing: input[field.value])
        let decoded = PercentCoding.decode(name, plusIsBlank: true)
        // What is no UTF-8 was replaced, and is not found by its replacement.
        if !decoded.unicodeScalars.contains("\u{FFFD}") {
            check(PercentCoding.matches(name, decoded, plusIsBlank: true), "not found")
        }
        nesting.add(decoded, PercentCoding.decode(value, plusIsBlank: true))
    }
    check(URLEncodedScanner.count(input, upTo: .max) == count, "counted otherwise")
    check(containers(.dictionary(nesting.values)) <= 51, "more containers than allowed")
    let coded = PercentCoding.encode(text(input)) { $0 >= 0x61 && $0 <= 0x7A }
    let back = Array(coded.utf8).withUnsafeBytes { PercentCoding.decode($0, plusIsBlank: false) }
    check(back == text(input), "another text comes back")
}

private func containers(_ value: FormValue) -> Int {
    switch value {
    case .string: 0
    case .array(let values): values.reduce(1) { $0 + containers($1) }
    case .dictionary(let values): values.values.reduce(1) { $0 + containers($1) }
    }
}

/// Names of fields and files, in any of their codings, and by their brackets.
func fuzzFormNames(_ input: UnsafeRawBufferPointer) {
    _ = FormName.decodeExtended(input)
    for isQuoted in [false, true] {
        let base = FormName.base(FormName.decode(input, isQuoted))
        check(!base.contains { $0 == "/" || $0 == "\\" }, "a path is left")
        check(!base.hasPrefix(".") && base.utf8.count <= 200, "an unsafe name")
    }
    var nesting = FormNesting(maxContainers: 100)
    for name in text(input).split(separator: "&") { nesting.add(String(name), "") }
    check(containers(.dictionary(nesting.values)) <= 101, "more containers than allowed")
}
