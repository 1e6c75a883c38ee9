import ApusProtocols
import CApus

/// What the header of a response says of a file.
package struct FileDescription: Sendable {
    /// The state of the file that conditions are compared with.
    package let representation: HTTPConditions.Representation
    /// The media type.
    package let contentType: String
    private let contentCoding: String?
    private let disposition: String?

    /// The description of the file at `path`, whose extension tells the type unless that is given. Browsers save what
    /// has a `downloadName`, or no type that is known.
    package init(path: String, _ state: FileState, contentType: ContentType? = nil, downloadName: String? = nil) {
        representation = Self.representation(state, "")
        let known = contentType?.value ?? MediaTypes.type(ofPath: path)
        self.contentType = known ?? ContentType.octetStream.value
        // Only the name of the file tells that it is compressed.
        contentCoding = contentType == nil && path.lowercased().hasSuffix(".svgz") ? "gzip" : nil
        disposition =
            downloadName.map { Self.attachment($0) }
            ?? (known == nil ? Self.attachment(String(path.split(atASCII: "/").last ?? "")) : nil)
    }

    /// The same file in another content coding, in a file of its own. Both may be of one size and time: their tags
    /// differ all the same.
    package func encoded(_ coding: HTTPContentCoding, _ state: FileState) -> FileDescription {
        FileDescription(
            representation: Self.representation(state, "-\(coding.name)"), contentType: contentType,
            contentCoding: coding.name, disposition: disposition)
    }

    private init(
        representation: HTTPConditions.Representation, contentType: String, contentCoding: String?, disposition: String?
    ) {
        self.representation = representation
        self.contentType = contentType
        self.contentCoding = contentCoding
        self.disposition = disposition
    }

    private static func representation(_ state: FileState, _ suffix: String) -> HTTPConditions.Representation {
        let parts = [
            UInt64(bitPattern: state.modifiedSeconds), UInt64(bitPattern: state.modifiedNanoseconds),
            UInt64(state.size),
        ]
        return HTTPConditions.Representation(
            tag: HTTPEntityTag(opaque: parts.map { String($0, radix: 16) }.joined(separator: "-") + suffix),
            // RFC 9110 §8.8.2.1: never later than the response.
            modified: min(HTTPTime(seconds: state.modifiedSeconds), .now), size: state.size)
    }

    /// The fields that tell one state of the file from another.
    func validate(_ headers: inout HTTPHeaders) {
        headers["ETag"] = representation.tag.text
        headers["Last-Modified"] = representation.modified.text
        headers["Accept-Ranges"] = "bytes"
    }

    /// The fields that tell what is in the file.
    func describe(_ headers: inout HTTPHeaders) {
        headers["Content-Type"] = contentType
        if let contentCoding { headers["Content-Encoding"] = contentCoding }
        if let disposition { headers["Content-Disposition"] = disposition }
    }

    /// RFC 6266 §4: names that are not all ASCII are given in both forms.
    private static func attachment(_ name: String) -> String {
        let safe = name.unicodeScalars.filter {
            $0.value >= 0x20 && $0.value != 0x7F && !"\"\\".unicodeScalars.contains($0)
        }
        let plain = String(String.UnicodeScalarView(safe.map { $0.isASCII ? $0 : "_" }))
        guard safe.contains(where: { !$0.isASCII }) else { return "attachment; filename=\"\(plain)\"" }
        let coded = String(String.UnicodeScalarView(safe)).utf8.map(Self.coded).joined()
        return "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(coded)"
    }

    /// RFC 8187 §3.2.1.
    private static func coded(_ byte: UInt8) -> String {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: return String(UnicodeScalar(byte))
        default:
            if "!#$&+-.^_`|~".utf8.contains(byte) { return String(UnicodeScalar(byte)) }
            return (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
        }
    }
}

extension HTTPTime {
    /// The time of the system's clock.
    package static var now: HTTPTime { HTTPTime(seconds: capus_wall_ns() / 1_000_000_000) }
}
