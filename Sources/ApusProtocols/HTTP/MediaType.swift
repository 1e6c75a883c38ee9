/// What a `Content-Type` says (RFC 9110 §8.3.1), as far as bodies are read by it.
package struct MediaType: Equatable {
    /// `type/subtype` in lower case.
    package let essence: String
    /// Between the parts of a multipart body; nil when there is none, or none that RFC 2046 §5.1.1 allows.
    package private(set) var boundary: [UInt8]?

    /// Nil for what is no media type. A boundary that is named twice is none: readers would choose differently.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        var parameters = FieldParameters(bytes)
        let type = bytes[parameters.value]
        guard type.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ",") }),
            type.contains(UInt8(ascii: "/"))
        else { return nil }
        essence = String(decoding: type, as: UTF8.self).lowercased()
        var boundaries = 0
        while let parameter = parameters.next() {
            guard parameters.isNamed(parameter, "boundary") else { continue }
            boundaries += 1
            boundary = Self.boundary(bytes[parameter.value], isQuoted: parameter.isQuoted)
        }
        if boundaries > 1 || parameters.isMalformed { boundary = nil }
    }

    /// Fields of a form as a query has them.
    package var isURLEncodedForm: Bool { essence == "application/x-www-form-urlencoded" }
    /// Fields and files of a form (RFC 7578).
    package var isMultipartForm: Bool { essence == "multipart/form-data" }
    /// JSON, also as the syntax of another type (RFC 6839 §3.1).
    package var isJSON: Bool { essence.contains("json") }

    /// RFC 2046 §5.1.1: 1 to 70 visible characters and blanks, no blank at the end.
    private static func boundary(_ value: Slice<UnsafeRawBufferPointer>, isQuoted: Bool) -> [UInt8]? {
        var boundary: [UInt8] = []
        var position = value.startIndex
        while position < value.endIndex {
            if isQuoted, FieldParameters.isEscape(value.base, position, value.endIndex) { position += 1 }
            boundary.append(value.base[position])
            position += 1
        }
        guard (1...70).contains(boundary.count), boundary.last != 0x20,
            boundary.allSatisfy({ $0 >= 0x20 && $0 < 0x7F })
        else { return nil }
        return boundary
    }
}
