import CApus

/// Reads request heads (RFC 9112 §2–§6) strictly: what one server reads differently from another is refused.
///
/// The parser is a pure function over bytes with no state of its own. It stops at the first byte that cannot stand
/// where it is, so a bad request is answered before the rest of it has arrived.
package struct HTTPRequestParser {
    package enum Outcome {
        case complete
        /// More bytes are needed.
        case incomplete
        case invalid(HTTPRequestError)
    }

    package var limits: HTTPRequestLimits
    /// The head read last; valid after `.complete`.
    package var head = HTTPRequestHead()
    /// The fields of that head, as many as `head.fieldCount`.
    package let fields: UnsafeMutablePointer<HTTPFieldRange>

    /// What the field lines said so far that decides about framing and persistence.
    private struct Framing {
        var hosts = 0
        var contentLengths = 0
        var transferEncodings = 0
        var error: HTTPRequestError?
        var closes = false
        var keepsAlive = false
    }
    private var framing = Framing()

    /// `fields` holds at least `limits.maxFields` elements and outlives the parser.
    package init(limits: HTTPRequestLimits, fields: UnsafeMutablePointer<HTTPFieldRange>) {
        precondition(limits.maxHeadBytes <= 65_000, "positions in a head are 16-bit numbers")
        self.limits = limits
        self.fields = fields
    }

    /// Reads the head that starts at `start`. The byte after the last one is zero and `CAPUS_SCAN_PADDING` bytes are
    /// readable from there.
    package mutating func parse(_ start: UnsafePointer<UInt8>, count: Int) -> Outcome {
        // The empty line starts at the latest one byte before the bound, and is four bytes long.
        let outcome = parseLines(start, start + min(count, limits.maxHeadBytes &+ 3))
        return count >= limits.maxHeadBytes && head.byteCount == 0 ? outcomeAtBound(start, count) : outcome
    }

    /// The head has not ended though as many bytes are there as it may have. Only these are judged, so that it does
    /// not matter how many of those beyond have arrived.
    private mutating func outcomeAtBound(_ start: UnsafePointer<UInt8>, _ count: Int) -> Outcome {
        if case .invalid(let error) = parseLines(start, start + limits.maxHeadBytes) { return .invalid(error) }
        return mayStillEnd(start, count) ? .incomplete : .invalid(.headerFieldsTooLarge)
    }

    /// Whether the last bytes may become the empty line that ends the head within its bound.
    private func mayStillEnd(_ start: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        let emptyLine: StaticString = "\r\n\r\n"
        var first = max(0, count - 3)
        while first < min(count, limits.maxHeadBytes) {
            if (first..<count).allSatisfy({ start[$0] == emptyLine.utf8Start[$0 - first] }) { return true }
            first += 1
        }
        return false
    }

    @inline(__always)
    private mutating func parseLines(_ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Outcome {
        head = HTTPRequestHead()
        framing = Framing()
        var p = start
        var outcome = parseRequestLine(start, &p, end)
        while case .complete = outcome {
            guard p < end else { return .incomplete }
            if p[0] == 0x0D {
                guard p + 1 < end else { return .incomplete }
                guard p[1] == 0x0A else { return .invalid(.badRequest) }
                head.byteCount = p + 2 - start
                return conclude(start)
            }
            if parseOrdinaryField(start, &p, end) { continue }
            outcome = parseField(start, &p, end)
        }
        return outcome
    }

    // MARK: Request line

    @inline(__always)
    private mutating func parseRequestLine(
        _ start: UnsafePointer<UInt8>, _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
    ) -> Outcome {
        // "GET /" as one word: most requests start with it.
        if UnsafeRawPointer(p).loadUnaligned(as: UInt32.self).littleEndian == 0x2054_4547 {
            head.method = .get
            p += 4
        } else {
            switch parseMethod(&p, end) {
            case .complete: break
            case let outcome: return outcome
            }
        }
        guard p < end else { return .incomplete }
        guard p[0] == 0x2F else { return parseOtherTarget(start, &p, end) }
        let targetEnd = capus_scan_target(p, end)
        guard targetEnd < end else { return .incomplete }
        guard targetEnd[0] == 0x20 else { return .invalid(.badRequest) }
        head.targetStart = UInt16(truncatingIfNeeded: p - start)
        head.targetCount = UInt16(truncatingIfNeeded: targetEnd - p)
        p = targetEnd + 1
        return parseVersion(&p, end)
    }

    private mutating func parseMethod(_ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Outcome {
        let methodEnd = capus_scan_token(p)
        guard methodEnd < end else { return .incomplete }
        guard methodEnd > p, methodEnd[0] == 0x20 else { return .invalid(.badRequest) }
        if let method = HTTPMethod(p, count: methodEnd - p) {
            head.method = method
        } else {
            // RFC 9110 §9.1, unless what follows makes the request malformed.
            framing.error = .notImplemented
        }
        p = methodEnd + 1
        return .complete
    }

    /// A target that is no path: `*` for OPTIONS, or an absolute URI (RFC 9112 §3.2.2, §3.2.4). A method that is not
    /// known may have another one, as CONNECT does.
    @inline(never)
    private mutating func parseOtherTarget(
        _ start: UnsafePointer<UInt8>, _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
    ) -> Outcome {
        let targetEnd = capus_scan_target(p, end)
        guard targetEnd > p else { return .invalid(.badRequest) }
        if framing.error == nil {
            if p[0] == 0x2A {
                guard head.method == .options, targetEnd - p == 1 else { return .invalid(.badRequest) }
            } else if !isAbsolute(p, targetEnd, isWhole: targetEnd < end) {
                return .invalid(.badRequest)
            }
        }
        guard targetEnd < end else { return .incomplete }
        guard targetEnd[0] == 0x20 else { return .invalid(.badRequest) }
        head.targetStart = UInt16(truncatingIfNeeded: p - start)
        head.targetCount = UInt16(truncatingIfNeeded: targetEnd - p)
        p = targetEnd + 1
        return parseVersion(&p, end)
    }

    /// Whether these bytes are, or may become, an absolute URI; once they are it is known where its path starts.
    private mutating func isAbsolute(
        _ p: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, isWhole: Bool
    ) -> Bool {
        // RFC 9110 §4.2: schemes are case-insensitive, and neither knows an empty host or a user's name.
        let isSecure = end - p > 4 && p[4] | 0x20 == UInt8(ascii: "s")
        let scheme: StaticString = isSecure ? "https://" : "http://"
        for i in 0..<min(end - p, scheme.utf8CodeUnitCount) {
            let isLetter = scheme.utf8Start[i] >= UInt8(ascii: "a")
            guard (isLetter ? p[i] | 0x20 : p[i]) == scheme.utf8Start[i] else { return false }
        }
        guard isWhole else { return true }
        guard end - p > scheme.utf8CodeUnitCount else { return false }
        let authority = p + scheme.utf8CodeUnitCount
        var authorityEnd = authority
        while authorityEnd < end, authorityEnd[0] != UInt8(ascii: "/"), authorityEnd[0] != UInt8(ascii: "?") {
            authorityEnd += 1
        }
        head.pathOffset = UInt16(truncatingIfNeeded: authorityEnd - p)
        return isValidHost(authority, authorityEnd - authority)
    }

    /// `HTTP/1.` DIGIT CRLF.
    @inline(__always)
    private mutating func parseVersion(_ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Outcome {
        if end - p >= 10 {
            let line = UnsafeRawPointer(p).loadUnaligned(as: UInt64.self).littleEndian
            // "HTTP/1.1" and "HTTP/1.0" as one word each.
            let digit = UInt8(truncatingIfNeeded: line >> 56)
            guard line & 0x00FF_FFFF_FFFF_FFFF == 0x002E_312F_5054_5448, digit &- 0x30 <= 9, p[8] == 0x0D, p[9] == 0x0A
            else { return .invalid(.badRequest) }
            head.minorVersion = digit == 0x30 ? 0 : 1
            p += 10
            return .complete
        }
        return parseShortVersion(p, end)
    }

    /// The beginning of a version, as far as it is there.
    private func parseShortVersion(_ p: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Outcome {
        let expected: StaticString = "HTTP/1."
        for i in 0..<(end - p) {
            let fits =
                switch i {
                case 0..<7: p[i] == expected.utf8Start[i]
                case 7: p[i] &- 0x30 <= 9
                case 8: p[i] == 0x0D
                default: p[i] == 0x0A
                }
            guard fits else { return .invalid(.badRequest) }
        }
        return .incomplete
    }

    // MARK: Field lines

    /// Reads a field line that is complete and written as nearly all are: one blank before the value, none behind it.
    /// False, and nothing is changed, for any other.
    @inline(__always)
    private mutating func parseOrdinaryField(
        _ start: UnsafePointer<UInt8>, _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
    ) -> Bool {
        let name = p
        let nameEnd = capus_scan_alphanumeric(name, 0x2D, 0x5F)
        guard nameEnd[0] == 0x3A, nameEnd > name else { return false }
        var value = nameEnd + 1
        if value[0] == 0x20 { value += 1 }
        let lineEnd = capus_scan_value(value, end)
        // CRLF as one word. It alone is compared with the end: the zero byte there ends every scan.
        let mark = UnsafeRawPointer(lineEnd).loadUnaligned(as: UInt16.self).littleEndian
        guard mark == 0x0A0D, lineEnd + 2 <= end, value[0] > 0x20, lineEnd[-1] > 0x20,
            head.fieldCount < limits.maxFields
        else { return false }
        p = lineEnd + 2
        add(start, name, nameEnd, value, lineEnd)
        return true
    }

    @inline(__always)
    private mutating func add(
        _ start: UnsafePointer<UInt8>, _ name: UnsafePointer<UInt8>, _ nameEnd: UnsafePointer<UInt8>,
        _ value: UnsafePointer<UInt8>, _ valueEnd: UnsafePointer<UInt8>
    ) {
        fields[head.fieldCount] = HTTPFieldRange(
            nameStart: UInt16(truncatingIfNeeded: name - start), nameCount: UInt16(truncatingIfNeeded: nameEnd - name),
            valueStart: UInt16(truncatingIfNeeded: value - start),
            valueCount: UInt16(truncatingIfNeeded: valueEnd - value))
        head.fieldCount &+= 1
        note(name, nameEnd - name, value, valueEnd - value)
    }

    /// Reads any field line, and tells what is wrong with one that cannot be read.
    @inline(never)
    private mutating func parseField(
        _ start: UnsafePointer<UInt8>, _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
    ) -> Outcome {
        let name = p
        let nameEnd = capus_scan_token(p)
        guard nameEnd < end else { return .incomplete }
        guard nameEnd > name, nameEnd[0] == 0x3A else { return .invalid(.badRequest) }
        var value = nameEnd + 1
        while value < end, value[0] == 0x20 || value[0] == 0x09 { value += 1 }
        let lineEnd = capus_scan_value(value, end)
        guard lineEnd < end else { return .incomplete }
        guard lineEnd[0] == 0x0D else { return .invalid(.badRequest) }
        guard lineEnd + 1 < end else { return .incomplete }
        guard lineEnd[1] == 0x0A else { return .invalid(.badRequest) }
        p = lineEnd + 2
        var valueEnd = lineEnd
        while valueEnd > value, valueEnd[-1] == 0x20 || valueEnd[-1] == 0x09 { valueEnd -= 1 }

        guard head.fieldCount < limits.maxFields else { return .invalid(.headerFieldsTooLarge) }
        add(start, name, nameEnd, value, valueEnd)
        return .complete
    }

    /// Remembers the few fields that decide about framing and persistence.
    @inline(__always)
    private mutating func note(
        _ name: UnsafePointer<UInt8>, _ nameCount: Int, _ value: UnsafePointer<UInt8>, _ count: Int
    ) {
        switch nameCount {
        case 4 where matchesIgnoringCase(name, count: 4, "host"):
            framing.hosts &+= 1
            if !isOrdinaryHost(value, count), !isValidHost(value, count) { framing.error = .badRequest }
        case 6 where matchesIgnoringCase(name, count: 6, "expect"):
            if matchesIgnoringCase(value, count: count, "100-continue") {
                head.expectsContinue = true
            } else {
                framing.error = framing.error ?? .expectationFailed
            }
        case 10 where matchesIgnoringCase(name, count: 10, "connection"):
            noteConnectionOptions(value, count)
        case 14 where matchesIgnoringCase(name, count: 14, "content-length"):
            framing.contentLengths &+= 1
            noteContentLength(value, count)
        case 17 where matchesIgnoringCase(name, count: 17, "transfer-encoding"):
            framing.transferEncodings &+= 1
            head.isChunked = matchesIgnoringCase(value, count: count, "chunked")
            if !head.isChunked { framing.error = .badRequest }
        default: break
        }
    }

    /// RFC 9112 §6.2: digits alone; a length that no integer holds is as good as too large.
    private mutating func noteContentLength(_ value: UnsafePointer<UInt8>, _ count: Int) {
        guard count > 0 else {
            framing.error = .badRequest
            return
        }
        var length = 0
        for i in 0..<count {
            let digit = Int(value[i]) &- 0x30
            guard digit >= 0, digit <= 9 else {
                framing.error = .badRequest
                return
            }
            // Stays at the largest number once it would pass it; what follows must still be digits.
            length = length > (.max - 9) / 10 ? .max : length &* 10 &+ digit
        }
        head.contentLength = length
    }

    /// RFC 9110 §7.6.1: a list of tokens, of which `close` and `keep-alive` matter here.
    private mutating func noteConnectionOptions(_ value: UnsafePointer<UInt8>, _ count: Int) {
        var start = 0
        while start < count {
            var end = start
            while end < count, value[end] != 0x2C { end += 1 }
            var first = start
            var last = end
            while first < last, value[first] == 0x20 || value[first] == 0x09 { first += 1 }
            while last > first, value[last - 1] == 0x20 || value[last - 1] == 0x09 { last -= 1 }
            if matchesIgnoringCase(value + first, count: last - first, "close") { framing.closes = true }
            if matchesIgnoringCase(value + first, count: last - first, "keep-alive") { framing.keepsAlive = true }
            start = end + 1
        }
    }

    // MARK: End of the head

    /// RFC 9112 §3.2, §6.1 and §6.3: what the head says as a whole.
    @inline(__always)
    private mutating func conclude(_ start: UnsafePointer<UInt8>) -> Outcome {
        if framing.hosts > 1 || (framing.hosts == 0 && head.minorVersion > 0) { return .invalid(.badRequest) }
        if framing.contentLengths > 1 || framing.transferEncodings > 1 { return .invalid(.badRequest) }
        if framing.contentLengths > 0 && framing.transferEncodings > 0 { return .invalid(.badRequest) }
        if let error = framing.error { return .invalid(error) }
        if head.contentLength > limits.maxMessageBytes - head.byteCount { return .invalid(.contentTooLarge) }
        // RFC 9112 §9.3: HTTP/1.0 closes unless told otherwise; `close` wins over `keep-alive`. §6.1: what passed a
        // chunked body on in HTTP/1.0 may not have understood where it ends.
        head.keepsAlive = !framing.closes && (head.minorVersion > 0 || framing.keepsAlive && !head.isChunked)
        // RFC 9110 §10.1.1: an HTTP/1.0 client's expectation is ignored.
        if head.minorVersion == 0 { head.expectsContinue = false }
        if head.pathOffset > 0 { replaceHost(start) }
        return .complete
    }

    /// RFC 9112 §3.2.2: the host of an absolute target counts, whatever the Host field says.
    @inline(never)
    private mutating func replaceHost(_ start: UnsafePointer<UInt8>) {
        let authority = head.authority(start)
        for i in 0..<head.fieldCount
        where matchesIgnoringCase(start + Int(fields[i].nameStart), count: Int(fields[i].nameCount), "host") {
            fields[i].valueStart = UInt16(truncatingIfNeeded: authority.lowerBound)
            fields[i].valueCount = UInt16(truncatingIfNeeded: authority.count)
        }
    }
}

/// A host name or IPv4 address, and maybe a port.
@inline(__always)
private func isOrdinaryHost(_ p: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    let nameCount = capus_scan_alphanumeric(p, 0x2D, 0x2E) - p
    guard nameCount > 0 else { return false }
    return nameCount >= count || (p[nameCount] == 0x3A && capus_scan_digits(p + nameCount + 1) - p >= count)
}

/// RFC 9110 §7.2, RFC 3986 §3.2.2: `[IPv6]` or a name without delimiters, then optionally a colon and digits.
private func isValidHost(_ p: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    var i = 0
    if count > 0, p[0] == 0x5B {
        i = 1
        while i < count, isHexDigit(p[i]) || p[i] == 0x3A || p[i] == 0x2E { i += 1 }
        guard i > 1, i < count, p[i] == 0x5D else { return false }
        i += 1
    } else {
        i = min(count, capus_scan_alphanumeric(p, 0x2D, 0x2E) - p)
        while i < count, p[i] != 0x3A {
            switch p[i] {
            case 0x00...0x20, UInt8(ascii: "/"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "@"),
                UInt8(ascii: ","), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "\\"), UInt8(ascii: "<"),
                UInt8(ascii: ">"), UInt8(ascii: "\""), UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "{")...0xFF:
                // But for the tilde.
                guard p[i] == UInt8(ascii: "~") else { return false }
                i += 1
            case UInt8(ascii: "%"):
                guard count - i > 2, isHexDigit(p[i + 1]), isHexDigit(p[i + 2]) else { return false }
                i += 3
            default: i += 1
            }
        }
        guard i > 0 else { return false }
    }
    guard i < count else { return true }
    guard p[i] == 0x3A else { return false }
    return capus_scan_digits(p + (i &+ 1)) - p >= count
}

@inline(__always)
func isHexDigit(_ byte: UInt8) -> Bool {
    byte &- 0x30 <= 9 || (byte | 0x20) &- 0x61 <= 5
}
