import ApusProtocols

/// A field of a form with files (RFC 7578 §4).
public nonisolated struct MultipartPart: Sendable {
    private let name: String
    private let fileName: String?
    private let contentType: String?
    private let content: BodyPiece

    /// A field with text.
    public static func field(_ name: String, _ value: String) -> MultipartPart {
        MultipartPart(name: name, fileName: nil, contentType: nil, content: .bytes(Array(value.utf8)))
    }

    /// A file whose bytes are in memory.
    public static func file(
        _ name: String, bytes: [UInt8], fileName: String, contentType: String = "application/octet-stream"
    ) -> MultipartPart {
        MultipartPart(name: name, fileName: fileName, contentType: contentType, content: .bytes(bytes))
    }

    /// The file at a path, read as it is sent; it has the path's last name unless another is given.
    public static func file(
        _ name: String, path: String, fileName: String? = nil, contentType: String = "application/octet-stream"
    ) -> MultipartPart {
        let last = String(path.split(atASCII: "/").last ?? "")
        return MultipartPart(name: name, fileName: fileName ?? last, contentType: contentType, content: .file(path))
    }

    func pieces(_ boundary: String) -> [BodyPiece] {
        var head = "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(Self.quoted(name))\""
        if let fileName { head += "; filename=\"\(Self.quoted(fileName))\"" }
        if let contentType { head += "\r\nContent-Type: \(contentType.filter { !$0.isNewline })" }
        return [.bytes(Array((head + "\r\n\r\n").utf8)), content, .bytes([0x0D, 0x0A])]
    }

    /// WHATWG HTML §4.10.21.8: as browsers do.
    private static func quoted(_ text: String) -> String {
        var quoted = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "%22"
            case "\r": quoted += "%0D"
            case "\n": quoted += "%0A"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted
    }

    /// 128 random bits: no part contains it.
    static func boundary() -> String {
        "apus-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
            + String(UInt64.random(in: 0...UInt64.max), radix: 36)
    }
}

/// The fields of a form as they are sent (WHATWG URL §5.2).
nonisolated enum FormEncoding {
    static func encode(_ fields: [(String, String)]) -> String {
        fields.map { "\(encode($0.0))=\(encode($0.1))" }.joined(separator: "&")
    }

    private static func encode(_ text: String) -> String {
        PercentCoding.encode(text) {
            $0 == 0x20 || (isUnreserved($0) && $0 != UInt8(ascii: "~")) || $0 == UInt8(ascii: "*")
        }
        .escaped { $0 == " " ? "+" : nil }
    }
}
