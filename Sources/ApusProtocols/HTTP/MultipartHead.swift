import CApus

/// Reads the header of one part of a `multipart/form-data` body (RFC 7578 §4, RFC 2183 §2).
struct MultipartHead {
    private let body: UnsafeRawBufferPointer
    private let start: Int
    private let limits: MultipartLimits
    private var part = MultipartPart()
    private var dispositions = 0

    init(_ body: UnsafeRawBufferPointer, from start: Int, limits: MultipartLimits) {
        self.body = body
        self.start = start
        self.limits = limits
    }

    /// The part, without its content.
    mutating func read() throws(MultipartError) -> MultipartPart {
        var position = start
        while true {
            guard let lineEnd = try lineEnd(from: position) else { break }
            guard lineEnd > position else {
                part.head = start..<(lineEnd + 2)
                break
            }
            try readLine(position..<lineEnd)
            position = lineEnd + 2
        }
        guard dispositions == 1 else { throw .malformedPart }
        return part
    }

    /// Where the line's CRLF starts. Lines hold no control characters.
    private func lineEnd(from start: Int) throws(MultipartError) -> Int? {
        var position = start
        while position < body.count {
            // A line needs two bytes for its end.
            guard position - self.start + 2 <= limits.maxHeadBytes else { throw .headTooLarge }
            let byte = body[position]
            if byte == 0x0D {
                guard position + 1 < body.count else { break }
                guard body[position + 1] == 0x0A else { throw .malformedPart }
                return position
            }
            guard byte >= 0x20 && byte != 0x7F || byte == 0x09 else { throw .malformedPart }
            position += 1
        }
        throw .truncated
    }

    private mutating func readLine(_ line: Range<Int>) throws(MultipartError) {
        guard let colon = body[line].firstIndex(of: UInt8(ascii: ":")), colon > line.lowerBound,
            body[line.lowerBound..<colon].allSatisfy({ capus_is_token($0) != 0 })
        else { throw .malformedPart }
        let name = body.baseAddress!.assumingMemoryBound(to: UInt8.self) + line.lowerBound
        let value = UnsafeRawBufferPointer(rebasing: body[trimmed((colon + 1)..<line.upperBound, in: body)])
        switch colon - line.lowerBound {
        case 12 where matchesIgnoringCase(name, count: 12, "content-type"):
            part.contentType = String(decoding: value, as: UTF8.self)
        case 18 where matchesIgnoringCase(name, count: 18, "webkitrelativepath"):
            part.path = String(decoding: value, as: UTF8.self)
        case 19 where matchesIgnoringCase(name, count: 19, "content-disposition"):
            dispositions += 1
            try readDisposition(value)
        case 25 where matchesIgnoringCase(name, count: 25, "content-transfer-encoding"):
            let coding = String(decoding: value, as: UTF8.self).lowercased()
            guard ["7bit", "8bit", "binary"].contains(coding) else { throw .transferEncoding }
        default: break
        }
    }

    /// RFC 7578 §4.2. A parameter that comes twice is refused: readers would choose differently.
    private mutating func readDisposition(_ value: UnsafeRawBufferPointer) throws(MultipartError) {
        var parameters = FieldParameters(value)
        let type = String(decoding: value[parameters.value], as: UTF8.self)
        guard type.lowercased() == "form-data" else { throw .malformedPart }
        var names: [String] = []
        var fileNames: [String] = []
        var codedNames: [UnsafeRawBufferPointer] = []
        while let parameter = parameters.next() {
            let bytes = UnsafeRawBufferPointer(rebasing: value[parameter.value])
            if parameters.isNamed(parameter, "name") { names.append(FormName.decode(bytes, parameter.isQuoted)) }
            if parameters.isNamed(parameter, "filename") {
                fileNames.append(FormName.decode(bytes, parameter.isQuoted))
            }
            if parameters.isNamed(parameter, "filename*") { codedNames.append(bytes) }
        }
        guard !parameters.isMalformed, names.count == 1, fileNames.count <= 1, codedNames.count <= 1 else {
            throw .malformedPart
        }
        guard names[0].utf8.count <= limits.maxNameBytes else { throw .nameTooLong }
        part.name = names[0]
        // RFC 6266 §4.3: the coded form wins, unless it cannot be read.
        part.fileName = codedNames.first.flatMap(FormName.decodeExtended) ?? fileNames.first
        if part.fileName == nil, !codedNames.isEmpty { throw .malformedPart }
    }
}
