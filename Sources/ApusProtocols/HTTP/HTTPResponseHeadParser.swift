import CApus

/// Reads the head of a response (RFC 9112 §4, §5), which lies in one piece.
///
/// It refuses what no server means to send, and reads leniently what RFC 9112 lets a client accept: a bare LF as the
/// end of a line, folded field lines, a missing reason phrase.
package struct HTTPResponseHeadParser {
    package enum Outcome: Equatable {
        case complete(HTTPResponseHead)
        /// More bytes are needed.
        case incomplete
        case malformed(HTTPResponseError)
    }

    private enum Line {
        case complete, incomplete
        case malformed(HTTPResponseError)
    }

    private static let prefix: StaticString = "HTTP/1."

    private var head = HTTPResponseHead()
    private var contentLength = -1
    private var isChunked = false
    private var minorVersion: UInt8 = 1
    private var saysClose = false
    private var saysKeepAlive = false
    private var mayFold = false

    /// Reads the head that starts at `start`. At `end`, or somewhere behind it, stands a zero, and `CAPUS_SCAN_PADDING`
    /// bytes are readable from there. A response to HEAD has no body whatever its head says.
    package static func parse(
        _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, hasBody: Bool
    ) -> Outcome {
        var parser = HTTPResponseHeadParser()
        return parser.parse(start, end, hasBody)
    }

    private mutating func parse(
        _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ hasBody: Bool
    ) -> Outcome {
        var p = start
        var line = statusLine(&p, end)
        while true {
            switch line {
            case .incomplete: return .incomplete
            case .malformed(let reason): return .malformed(reason)
            case .complete: break
            }
            guard p < end else { return .incomplete }
            if p[0] == 0x0A || p[0] == 0x0D {
                guard p[0] == 0x0A || p + 1 < end else { return .incomplete }
                guard p[0] == 0x0A || p[1] == 0x0A else { return .malformed(.headerField) }
                head.byteCount = p + (p[0] == 0x0A ? 1 : 2) - start
                return conclude(hasBody)
            }
            line = fieldLine(&p, end)
        }
    }

    // MARK: Lines

    /// `HTTP/1.` DIGIT SP 3DIGIT [SP reason].
    private mutating func statusLine(_ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Line {
        let count = Self.prefix.utf8CodeUnitCount
        // What cannot become a status line is seen before its end has come.
        for i in 0..<min(count, end - p) where p[i] != Self.prefix.utf8Start[i] { return .malformed(.statusLine) }
        guard end - p >= count + 5 else { return .incomplete }
        let digits = (p[count] &- 0x30, p[count + 2] &- 0x30, p[count + 3] &- 0x30, p[count + 4] &- 0x30)
        guard digits.0 <= 9, p[count + 1] == 0x20, (1...5).contains(digits.1), digits.2 <= 9, digits.3 <= 9 else {
            return .malformed(.statusLine)
        }
        minorVersion = digits.0
        head.status = UInt16(digits.1) * 100 + UInt16(digits.2) * 10 + UInt16(digits.3)
        let afterStatus = p + (count + 5)
        guard afterStatus < end else { return .incomplete }
        guard afterStatus[0] == 0x20 || afterStatus[0] == 0x0D || afterStatus[0] == 0x0A else {
            return .malformed(.statusLine)
        }
        p = afterStatus
        return Self.endOfLine(&p, end, otherwise: .statusLine) { _, _ in nil }
    }

    private mutating func fieldLine(_ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Line {
        if p[0] == 0x20 || p[0] == 0x09 {
            // RFC 9112 §5.2: a folded line goes on with the field before it, which must not be one that matters here.
            guard mayFold else { return .malformed(.headerField) }
            return Self.endOfLine(&p, end, otherwise: .headerField) { _, _ in nil }
        }
        let name = p
        let nameEnd = capus_scan_token(p)
        guard nameEnd < end else { return .incomplete }
        guard nameEnd > name, nameEnd[0] == 0x3A else { return .malformed(.headerField) }
        p = nameEnd + 1
        while p < end, p[0] == 0x20 || p[0] == 0x09 { p += 1 }
        return Self.endOfLine(&p, end, otherwise: .headerField) { value, count in
            note(name, nameEnd - name, value, count)
        }
    }

    /// Goes to the next line, and hands the rest of this one, without blanks at its end, to `body`.
    @inline(__always)
    private static func endOfLine(
        _ p: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, otherwise reason: HTTPResponseError,
        _ body: (UnsafePointer<UInt8>, Int) -> HTTPResponseError?
    ) -> Line {
        let start = p
        let lineEnd = capus_scan_value(p, end)
        guard lineEnd < end else { return .incomplete }
        var next = lineEnd
        if next[0] == 0x0D {
            next += 1
            guard next < end else { return .incomplete }
        }
        guard next[0] == 0x0A else { return .malformed(reason) }
        var last = lineEnd
        while last > start, last[-1] == 0x20 || last[-1] == 0x09 { last -= 1 }
        p = next + 1
        if let failure = body(start, last - start) { return .malformed(failure) }
        return .complete
    }

    // MARK: Fields that decide about framing

    private mutating func note(
        _ name: UnsafePointer<UInt8>, _ nameCount: Int, _ value: UnsafePointer<UInt8>, _ count: Int
    ) -> HTTPResponseError? {
        mayFold = false
        switch nameCount {
        case 10 where equalsIgnoringCase(name, 10, "connection"): noteConnection(value, count)
        case 14 where equalsIgnoringCase(name, 14, "content-length"): return noteContentLength(value, count)
        case 17 where equalsIgnoringCase(name, 17, "transfer-encoding"): return noteTransferEncoding(value, count)
        default: mayFold = true
        }
        return nil
    }

    /// RFC 9112 §6.3: digits; a value that is repeated must be the same each time.
    private mutating func noteContentLength(_ value: UnsafePointer<UInt8>, _ count: Int) -> HTTPResponseError? {
        var isValid = true
        forEachElement(value, count) { element, elementCount in
            let length = decimal(element, elementCount)
            if length < 0 || (contentLength >= 0 && contentLength != length) { isValid = false }
            contentLength = length
        }
        return isValid ? nil : .contentLength
    }

    private mutating func noteTransferEncoding(_ value: UnsafePointer<UInt8>, _ count: Int) -> HTTPResponseError? {
        var isValid = true
        forEachElement(value, count) { element, elementCount in
            // RFC 9112 §6.1 and §7: other codings are for those who asked for them, and nobody does here.
            isValid = isValid && !isChunked && equalsIgnoringCase(element, elementCount, "chunked")
            isChunked = true
        }
        return isValid ? nil : .transferEncoding
    }

    private mutating func noteConnection(_ value: UnsafePointer<UInt8>, _ count: Int) {
        forEachElement(value, count) { element, elementCount in
            if equalsIgnoringCase(element, elementCount, "close") { saysClose = true }
            if equalsIgnoringCase(element, elementCount, "keep-alive") { saysKeepAlive = true }
        }
    }

    // MARK: The head as a whole

    private mutating func conclude(_ hasBody: Bool) -> Outcome {
        // RFC 9112 §9.3: `close` wins over `keep-alive`, and HTTP/1.0 closes unless told otherwise.
        head.closes = saysClose || (minorVersion == 0 && !saysKeepAlive)
        if head.status == 101 {
            head.closes = true
        } else if !hasBody || head.status < 200 || head.status == 204 || head.status == 304 {
            head.framing = .length
        } else if isChunked {
            // RFC 9112 §6.1: HTTP/1.0 knows no transfer codings, and a length beside them is wrong or an attack.
            guard minorVersion > 0, contentLength < 0 else { return .malformed(.transferEncoding) }
            head.framing = .chunked
        } else if contentLength >= 0 {
            head.bodyCount = contentLength
        } else {
            head.framing = .untilClose
            head.closes = true
        }
        return .complete(head)
    }
}

/// Calls `body` with each element of a comma-separated list (RFC 9110 §5.6.1), without the blanks around it.
private func forEachElement(
    _ value: UnsafePointer<UInt8>, _ count: Int, _ body: (UnsafePointer<UInt8>, Int) -> Void
) {
    var start = 0
    repeat {
        var end = start
        while end < count, value[end] != 0x2C { end += 1 }
        var first = start
        var last = end
        while first < last, value[first] == 0x20 || value[first] == 0x09 { first += 1 }
        while last > first, value[last - 1] == 0x20 || value[last - 1] == 0x09 { last -= 1 }
        body(value + first, last - first)
        start = end + 1
    } while start < count
}

/// A number of digits alone; -1 when it is none, or larger than any body.
private func decimal(_ p: UnsafePointer<UInt8>, _ count: Int) -> Int {
    guard count > 0 else { return -1 }
    var number = 0
    for i in 0..<count {
        let digit = Int(p[i]) - 0x30
        guard digit >= 0, digit <= 9, number < 1 << 58 else { return -1 }
        number = number * 10 + digit
    }
    return number
}

/// Whether the bytes are `text`, which is in lower case and of letters and hyphens, in any case.
private func equalsIgnoringCase(_ p: UnsafePointer<UInt8>, _ count: Int, _ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    for i in 0..<count where p[i] | 0x20 != text.utf8Start[i] { return false }
    return true
}
