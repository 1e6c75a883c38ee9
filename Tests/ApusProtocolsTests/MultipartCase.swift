import ApusProtocols
import Testing

/// What a test sees of a part.
struct SeenPart: Equatable, Sendable {
    var name: String
    var fileName: String?
    var type: String?
    var content: String

    init(_ name: String, _ content: String, fileName: String? = nil, type: String? = nil) {
        self.name = name
        self.content = content
        self.fileName = fileName
        self.type = type
    }
}

/// Parses a body; the error, or its parts.
func parse(
    _ body: [UInt8], boundary: String = "b", limits: MultipartLimits = MultipartLimits()
) -> Result<[MultipartPart], MultipartError> {
    let parser = MultipartParser(boundary: Array(boundary.utf8), limits: limits)
    return body.withUnsafeBytes { bytes in
        do throws(MultipartError) { return .success(try parser.parse(bytes)) } catch { return .failure(error) }
    }
}

/// The parts of a body that is text: the same whether it is there at once, or arrives split at any byte.
func seen(_ body: String, boundary: String = "b") -> Result<[SeenPart], MultipartError> {
    let bytes = Array(body.utf8)
    let whole = parse(bytes, boundary: boundary).map { parts in
        parts.map { part in
            SeenPart(
                part.name, String(decoding: bytes[part.content], as: UTF8.self), fileName: part.fileName,
                type: part.contentType)
        }
    }
    let splits = (0...bytes.count).map { [bytes[..<$0], bytes[$0...]] } + [bytes.indices.map { bytes[$0...$0] }]
    for pieces in splits {
        let arriving = seenArriving(pieces, boundary: boundary)
        if arriving != whole { Issue.record("\(arriving) in pieces of \(pieces.map(\.count)) instead of \(whole)") }
    }
    return whole
}

/// The parts of a body that arrives in pieces.
func seenArriving(
    _ pieces: [ArraySlice<UInt8>], boundary: String = "b", limits: MultipartLimits = MultipartLimits()
) -> Result<[SeenPart], MultipartError> {
    var stream = MultipartStream(boundary: Array(boundary.utf8), limits: limits)
    var parts: [SeenPart] = []
    var content: [UInt8] = []
    do {
        for piece in pieces {
            try piece.withUnsafeBytes { bytes in try stream.feed(bytes) { note($0, &parts, &content) } }
        }
        let end = UnsafeRawBufferPointer(start: nil, count: 0)
        try stream.feed(end, isLast: true) { note($0, &parts, &content) }
    } catch {
        return .failure(error as! MultipartError)
    }
    return .success(parts)
}

private func note(_ event: MultipartStream.Event, _ parts: inout [SeenPart], _ content: inout [UInt8]) {
    switch event {
    case .part(let part):
        parts.append(SeenPart(part.name, "", fileName: part.fileName, type: part.contentType))
        content = []
    case .content(let bytes): content += bytes
    case .partEnd: parts[parts.count - 1].content = String(decoding: content, as: UTF8.self)
    }
}

/// A part with the header line `Content-Disposition: form-data; <parameters>`, and what is in front of the content.
func part(_ parameters: String, _ content: String, boundary: String = "b") -> String {
    "--\(boundary)\r\nContent-Disposition: form-data; \(parameters)\r\n\r\n\(content)\r\n"
}
