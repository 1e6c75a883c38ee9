/// A part of a form as it came out of its body.
private struct Part: Equatable {
    let name: String
    let fileName: String?
    var content: [UInt8] = []
    var isWhole = false
}

/// Feeds a body in pieces; nil when it is refused.
private func stream(
    _ body: UnsafeRawBufferPointer, _ boundary: [UInt8], _ limits: MultipartLimits, step: Int
) -> [Part]? {
    var stream = MultipartStream(boundary: boundary, limits: limits)
    var parts: [Part] = []
    var start = 0
    do {
        repeat {
            let end = start + min(step, body.count - start)
            try Array(body[start..<end]).withUnsafeBytes { piece in
                try stream.feed(piece, isLast: end == body.count) { event in
                    switch event {
                    case .part(let part):
                        check(parts.last?.isWhole ?? true, "a part within a part")
                        parts.append(Part(name: part.name, fileName: part.fileName))
                    case .content(let bytes): parts[parts.count - 1].content += bytes
                    case .partEnd: parts[parts.count - 1].isWhole = true
                    }
                }
            }
            start = end
        } while start < body.count
    } catch {
        return nil
    }
    check(parts.allSatisfy(\.isWhole), "a part without an end")
    return parts
}

/// Multipart bodies that are read while they arrive: the same parts as in one piece, and as of a body in memory.
func fuzzUploads(_ input: UnsafeRawBufferPointer) {
    guard input.count > 2 else { return }
    let boundary = input[0] & 1 == 0 ? [UInt8(ascii: "b")] : Array("----boundary".utf8)
    // What is held is bounded by the size of heads: with the small ones a body may be refused earlier in pieces.
    let isSmall = input[0] & 2 != 0
    let limits = MultipartLimits(maxParts: 8, maxFields: 4, maxHeadBytes: isSmall ? 64 : 8192, maxNameBytes: 20)
    let body = UnsafeRawBufferPointer(rebasing: input[2...])
    let memory = try? MultipartParser(boundary: boundary, limits: limits).parse(body).map { part in
        Part(name: part.name, fileName: part.fileName, content: Array(body[part.content]), isWhole: true)
    }
    for step in [1, 1 + Int(input[1] & 63), .max] {
        let parts = stream(body, boundary, limits, step: step)
        check(
            parts == memory || (isSmall && parts == nil), "\(parts as Any) in pieces of \(step), not \(memory as Any)")
    }
}

/// Compressed bodies: the same whole and in pieces.
func fuzzCodings(_ input: UnsafeRawBufferPointer) {
    guard input.count > 2 else { return }
    let coding = input[0] & 1 == 0 ? "gzip" : "deflate"
    let body = UnsafeRawBufferPointer(rebasing: input[2...])
    struct TooMuch: Error {}
    /// What it inflates to, nil when it cannot; a million bytes at most are looked at.
    func inflate(_ step: Int) -> (bytes: [UInt8]?, isTooMuch: Bool) {
        guard let inflater = HTTPInflater(coding: coding) else { fatalError("\(coding) is not known") }
        var bytes: [UInt8] = []
        var start = 0
        do {
            while start < body.count {
                // By the first two bytes it is seen whether they are of a header.
                let end = start + min(max(step, start == 0 ? 2 : 1), body.count - start)
                // Of one that takes a piece at a time, what is left is given again, with more behind it.
                let takesAll = step == .max
                start += try Array(body[start..<end]).withUnsafeBytes { piece in
                    try inflater.inflate(piece) { part in
                        check(!part.isEmpty && part.count <= 65536, "\(part.count) bytes at a time")
                        bytes += part
                        if bytes.count > 1_000_000 { throw TooMuch() }
                        return takesAll
                    }
                }
            }
            while inflater.hasMore {
                let empty = UnsafeRawBufferPointer(start: nil, count: 0)
                _ = try inflater.inflate(empty) { part in
                    bytes += part
                    if bytes.count > 1_000_000 { throw TooMuch() }
                    return false
                }
            }
            try inflater.finish()
        } catch {
            return (nil, error is TooMuch)
        }
        return (bytes, false)
    }
    let (whole, pieces) = (inflate(.max), inflate(1 + Int(input[1] & 63)))
    check(whole == pieces, "\(whole.bytes?.count ?? -1) bytes whole, \(pieces.bytes?.count ?? -1) in pieces")
    let accepted = HTTPAcceptedCodings(text(body))
    for available in [[HTTPContentCoding.gzip], [.brotli], [.brotli, .gzip], []] {
        guard let best = accepted.best(of: available) else { continue }
        check(available.contains(best), "\(best) is not there")
        check(text(body).lowercased().contains { $0 == "*" || $0 == "b" || $0 == "g" }, "\(best) was not named")
    }
}
