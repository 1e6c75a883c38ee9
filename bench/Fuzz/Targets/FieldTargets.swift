/// Ranges and conditions: what is selected lies in the representation.
func fuzzRanges(_ input: UnsafeRawBufferPointer) {
    guard input.count > 1 else { return }
    let size = [0, 1, 1000, .max][Int(input[0] & 3)]
    let lines = text(UnsafeRawBufferPointer(rebasing: input[1...])).split(
        separator: "\n", omittingEmptySubsequences: false
    ).map(String.init)
    if case .satisfiable(let ranges) = HTTPByteRanges(lines[0], size: size) {
        check(!ranges.isEmpty && ranges.count <= HTTPByteRanges.mostRanges, "\(ranges.count) ranges")
        for range in ranges {
            check(!range.isEmpty && range.lowerBound >= 0 && range.upperBound <= size, "\(range) of \(size)")
        }
        let total = ranges.reduce(into: (sum: 0, overflow: false)) { total, range in
            let (sum, overflow) = total.sum.addingReportingOverflow(range.count)
            total = (sum, total.overflow || overflow)
        }
        check(!total.overflow && total.sum <= size, "bytes twice")
    }
    func line(_ index: Int) -> String? { index < lines.count ? lines[index] : nil }
    var conditions = HTTPConditions()
    conditions.range = line(0)
    conditions.ifMatch = line(1)
    conditions.ifNoneMatch = line(2)
    conditions.ifModifiedSince = line(3)
    conditions.ifUnmodifiedSince = line(4)
    conditions.ifRange = line(5)
    let time = HTTPTime(seconds: 1_700_000_000)
    let current = HTTPConditions.Representation(tag: HTTPEntityTag(opaque: "a"), modified: time, size: size)
    _ = conditions.answer(for: current, isHead: input[0] & 4 != 0, now: time)
}

/// Media types: an essence without blanks, a boundary within its bounds.
func fuzzMediaType(_ input: UnsafeRawBufferPointer) {
    _ = MediaTypes.type(ofPath: text(input))
    var parameters = FieldParameters(input)
    var end = 0
    while let parameter = parameters.next() {
        check(parameter.name.lowerBound >= end && parameter.value.lowerBound >= parameter.name.upperBound, "order")
        check(parameter.value.upperBound <= input.count, "beyond the field")
        end = parameter.value.upperBound
    }
    guard let type = MediaType(input) else { return }
    check(type.essence == type.essence.lowercased(), "in mixed case")
    if let boundary = type.boundary { check((1...70).contains(boundary.count), "a boundary of \(boundary.count)") }
}

/// Events: whatever is put in, the stream has one event, whose fields are what was put in.
func fuzzServerSentEvents(_ input: UnsafeRawBufferPointer) {
    let parts = text(input).split(separator: "|", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
    func part(_ index: Int) -> String? { index < parts.count ? parts[index] : nil }
    let event = ServerSentEvent(part(0), event: part(1), id: part(2), retry: input.count, comment: part(3))
    let sent = event.text
    check(sent.hasSuffix("\n"), "no end")
    check(!sent.unicodeScalars.contains("\r"), "a line end is left")
    let lines = sent.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
    check(lines.suffix(2) == ["", ""] && !lines.dropLast(2).contains(""), "more than one event")
    for line in lines.dropLast(2) {
        check([": ", "event: ", "id: ", "retry: ", "data: "].contains { line.utf8.starts(with: $0.utf8) }, line)
    }
    check(lines.count { $0.utf8.starts(with: "id: ".utf8) } <= 1, "another field")
}

/// Entity tags and times: what was read is written so that it is read the same.
func fuzzTagsAndTimes(_ input: UnsafeRawBufferPointer) {
    let field = text(input)
    if let tag = HTTPEntityTag(field) {
        check(HTTPEntityTag(tag.text) == tag, "another tag comes back")
        check(HTTPEntityTag.list(tag.text) { $0.matchesWeakly(tag) }, "not in its own list")
    }
    _ = HTTPEntityTag.list(field) { _ in false }
    let now = HTTPTime(seconds: 1_700_000_000)
    if let time = HTTPTime(field, now: now) {
        check(HTTPTime(time.text, now: now) == time, "another time comes back: \(time.text)")
    }
}
