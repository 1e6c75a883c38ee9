import Apus
import ApusProtocols

/// How a line of an access log looks.
public nonisolated enum AccessLogFormat: Sendable {
    /// The combined log format that log analysers know. Quotation marks, backslashes, control characters and what is
    /// not ASCII are written as `\xHH`, so that no client can write a field or a line of its own.
    case combined
    /// A JSON object on each line.
    case json

    /// One line, with its end.
    public func line(_ record: AccessRecord) -> String {
        switch self {
        case .combined: combined(record)
        case .json: json(record)
        }
    }

    private func combined(_ record: AccessRecord) -> String {
        let request = "\(record.method) \(Self.escape(record.target)) HTTP/\(record.version)"
        let client = record.clientIP.isEmpty ? "-" : record.clientIP
        let bytes = record.bodyBytes > 0 ? "\(record.bodyBytes)" : "-"
        return "\(client) - - [\(Self.time(record.seconds))] \"\(request)\" \(record.status) \(bytes) "
            + "\"\(Self.escape(record.referer ?? "-"))\" \"\(Self.escape(record.userAgent ?? "-"))\"\n"
    }

    private func json(_ record: AccessRecord) -> String {
        var object = JSONObject()
        object.add("time", Int(record.seconds))
        object.add("client", record.clientIP)
        object.add("host", record.host)
        object.add("method", record.method)
        object.add("target", record.target)
        object.add("version", record.version)
        object.add("status", record.status)
        object.add("bytes", record.bodyBytes)
        if let referer = record.referer { object.add("referer", referer) }
        if let userAgent = record.userAgent { object.add("user_agent", userAgent) }
        return object.line + "\n"
    }

    /// "06/Nov/1994:08:49:37 +0000"
    private static func time(_ seconds: Int64) -> String {
        // "Sun, 06 Nov 1994 08:49:37 GMT"
        let words = HTTPTime(seconds: seconds).text.split(atASCII: " ")
        return "\(words[1])/\(words[2])/\(words[3]):\(words[4]) +0000"
    }

    private static func escape(_ text: String) -> String {
        let isPlain = { (byte: UInt8) in byte >= 0x20 && byte < 0x7F && byte != 0x22 && byte != 0x5C }
        if text.utf8.allSatisfy(isPlain) { return text }
        return text.utf8.map { byte in
            if isPlain(byte) { return String(UnicodeScalar(byte)) }
            return "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }.joined()
    }
}
