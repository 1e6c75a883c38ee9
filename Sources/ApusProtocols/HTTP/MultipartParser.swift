/// One part of a `multipart/form-data` body: a field, or a file.
package struct MultipartPart: Equatable, Sendable {
    /// The name of the field.
    package var name = ""
    /// What the client calls the file, decoded, as it was sent; nil for a field.
    package var fileName: String?
    /// The path of the file in the folder that was uploaded; nil when the client did not say.
    package var path: String?
    /// The media type, as it was sent; nil when the part has none.
    package var contentType: String?
    /// Where the header stands in the body: its lines and the empty one.
    package var head = 0..<0
    /// Where the content stands in the body.
    package var content = 0..<0

    /// Bytes of the texts above.
    package var keptBytes: Int {
        name.utf8.count + (fileName?.utf8.count ?? 0) + (path?.utf8.count ?? 0) + (contentType?.utf8.count ?? 0)
    }
}

/// Why a multipart body cannot be read.
package enum MultipartError: Error, Equatable {
    /// No line of the body is the boundary.
    case noBoundary
    /// The body ends before the boundary that is its last.
    case truncated
    /// A header line that is none, `Content-Disposition` missing, or not that of a form, or without a name.
    case malformedPart
    /// Base64 or another coding, which RFC 7578 §4.7 has done away with.
    case transferEncoding
    case tooManyParts
    case tooManyFields
    case headTooLarge
    case nameTooLong
}

/// Bounds on a multipart body.
package struct MultipartLimits: Sendable {
    package var maxParts: Int
    /// Parts that are no files.
    package var maxFields: Int
    /// Bytes of the header of one part.
    package var maxHeadBytes: Int
    /// Bytes of a field's name, decoded.
    package var maxNameBytes: Int

    package init(maxParts: Int = 1024, maxFields: Int = 1024, maxHeadBytes: Int = 8192, maxNameBytes: Int = 1024) {
        self.maxParts = maxParts
        self.maxFields = maxFields
        self.maxHeadBytes = maxHeadBytes
        self.maxNameBytes = maxNameBytes
    }
}

/// Cuts a complete `multipart/form-data` body into its parts (RFC 7578, RFC 2046 §5.1); contents stay where they are.
///
/// A boundary counts where it begins a line that ends in CRLF and holds nothing else, blanks at its end aside. What
/// stands before the first and behind the last one is ignored.
package struct MultipartParser {
    private let search: MultipartDelimiter.Search
    private let limits: MultipartLimits

    package init(boundary: [UInt8], limits: MultipartLimits = MultipartLimits()) {
        search = MultipartDelimiter.Search(boundary: boundary)
        self.limits = limits
    }

    /// The parts, in order.
    package func parse(_ body: UnsafeRawBufferPointer) throws(MultipartError) -> [MultipartPart] {
        var parts: [MultipartPart] = []
        var fieldCount = 0
        guard var delimiter = delimiter(body, from: 0, atBeginning: true) else { throw .noBoundary }
        while !delimiter.isLast {
            guard parts.count < limits.maxParts else { throw .tooManyParts }
            var head = MultipartHead(body, from: delimiter.end, limits: limits)
            var part = try head.read()
            if part.fileName == nil { fieldCount += 1 }
            guard fieldCount <= limits.maxFields else { throw .tooManyFields }
            // The empty line that ends the header may be the beginning of the next delimiter.
            guard let next = self.delimiter(body, from: part.head.upperBound - 2) else { throw .truncated }
            part.content = part.head.upperBound..<max(part.head.upperBound, next.start)
            parts.append(part)
            delimiter = next
        }
        return parts
    }

    private func delimiter(
        _ body: UnsafeRawBufferPointer, from start: Int, atBeginning: Bool = false
    ) -> MultipartDelimiter? {
        switch search.find(body, from: start, atBeginning: atBeginning, isComplete: true) {
        case .found(let delimiter): delimiter
        case .none: nil
        }
    }
}
