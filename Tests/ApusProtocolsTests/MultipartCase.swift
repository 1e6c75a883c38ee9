import ApusProtocols

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

/// The parts of a body that is text.
func seen(_ body: String, boundary: String = "b") -> Result<[SeenPart], MultipartError> {
    let bytes = Array(body.utf8)
    return parse(bytes, boundary: boundary).map { parts in
        parts.map { part in
            SeenPart(
                part.name, String(decoding: bytes[part.content], as: UTF8.self), fileName: part.fileName,
                type: part.contentType)
        }
    }
}

/// A part with the header line `Content-Disposition: form-data; <parameters>`, and what is in front of the content.
func part(_ parameters: String, _ content: String, boundary: String = "b") -> String {
    "--\(boundary)\r\nContent-Disposition: form-data; \(parameters)\r\n\r\n\(content)\r\n"
}
