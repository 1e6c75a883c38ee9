/// How the two differ where they are meant to. Each has a row in the table of bench/README.md.
enum Difference: String, CaseIterable {
    // We refuse.
    case emptyLineFirst = "we refuse an empty line before the request"
    case loneLineEnd = "we refuse a CR or LF alone"
    case versionOrShape = "we refuse another version, or a request line that is not three words"
    case method = "we do not implement the method"
    case target = "we refuse a target that is neither a path, an http URI nor OPTIONS *"
    case host = "we refuse a request without one valid Host"
    case coding = "we refuse a transfer coding other than chunked, or beside a length"
    case fold = "we refuse folded lines"
    case fieldName = "we refuse a field name that is no token"
    case control = "we refuse control characters in fields"
    case expectation = "we know no other expectation than 100-continue"
    case tooLarge = "we have a bound on messages"
    case chunk = "we refuse chunks whose size or end is not written to the letter"
    case trailer = "we refuse trailers that are no field lines"
    // http-parser refuses, or closes.
    case earlier = "http-parser refuses a method before its end has come"
    case waits = "http-parser refuses before the head is whole, and we refuse the whole head"
    case longerName = "http-parser takes a longer name for Transfer-Encoding"
    case tab = "http-parser takes a tab behind a value for a part of it"
    case trailingLength = "http-parser lets trailers say how long the body is"
    case oldChunks = "we close after a chunked body in HTTP/1.0"
    case connection = "http-parser does not see every option of Connection"

    /// Why we refuse what http-parser takes, or waits for more of.
    static func refusal(_ c: Comparison) -> Difference? {
        let facts = Facts(c.input)
        switch c.ours.error {
        case "501": return .method
        case "417": return facts.values("expect").contains { $0.lowercased() != "100-continue" } ? .expectation : nil
        case "413": return .tooLarge
        case "400": break
        default: return nil
        }
        if facts.startsWithEmptyLine { return .emptyLineFirst }
        if facts.hasLoneLineEnd(facts.headCount) { return .loneLineEnd }
        if !facts.hasOrdinaryRequestLine { return .versionOrShape }
        if !facts.hasOrdinaryTarget { return .target }
        if facts.isFolded { return .fold }
        if facts.hasOddName { return .fieldName }
        if facts.hasControl { return .control }
        if !facts.hasOneHost { return .host }
        let codings = facts.values("transfer-encoding").map { $0.lowercased() }
        let hasLength = !facts.values("content-length").isEmpty
        if !codings.isEmpty, codings != ["chunked"] || hasLength { return .coding }
        return codings.isEmpty ? nil : facts.chunkFault
    }

    /// Why http-parser refuses what we take, or wait for more of.
    static func acceptance(_ c: Comparison) -> Difference? {
        let facts = Facts(c.input)
        switch c.peer.error {
        case "HPE_INVALID_METHOD" where c.ours.outcome == .incomplete && facts.requestLine.count < 2: return .earlier
        case _ where c.isRefusedWhole: return .waits
        case "HPE_INVALID_TRANSFER_ENCODING" where facts.hasTabBehindValue: return .tab
        case "HPE_INVALID_CONTENT_LENGTH" where facts.hasTabBehindValue: return .tab
        case "HPE_INVALID_CONTENT_LENGTH" where facts.hasTrailingLength: return .trailingLength
        case "HPE_UNEXPECTED_CONTENT_LENGTH" where facts.hasTrailingLength: return .trailingLength
        case "HPE_INVALID_TRANSFER_ENCODING", "HPE_UNEXPECTED_CONTENT_LENGTH":
            let name = "transfer-encoding"
            return facts.names.contains { $0.count > name.count && $0.hasPrefix(name) } ? .longerName : nil
        default: return nil
        }
    }

    static func persistence(_ c: Comparison) -> Difference? {
        let facts = Facts(c.input)
        let isChunked = !facts.values("transfer-encoding").isEmpty
        if c.ours.minorVersion == 0, isChunked, !c.ours.keepsAlive { return .oldChunks }
        if facts.hasTabBehindValue { return .tab }
        let options = facts.values("connection")
        return options.count > 1 || options.contains { $0.contains(",") } ? .connection : nil
    }
}

func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 <= 9 }
