import Apus
import ApusProtocols

/// Decides which responses are compressed, and does it.
final class Compression {
    /// What is larger would hold up the loop for too long.
    private static let mostBytes = 2 << 20

    private let minBytes: Int
    private let level: Int
    /// One for all bodies that are in memory: they are done one after the other.
    private lazy var encoder = GzipEncoder(level: level, windowBits: 15, memoryLevel: 8)

    init(minBytes: Int, level: Int) {
        precondition((1...9).contains(level), "levels of compression are 1 to 9, not \(level)")
        self.minBytes = minBytes
        self.level = level
    }

    nonisolated deinit {}

    func apply(_ request: HTTPRequest, _ response: inout HTTPResponse) {
        guard !response.isEvents, isAllowed(response) else { return }
        response.headers.vary(on: "Accept-Encoding")
        guard let field = request.headers["Accept-Encoding"],
            HTTPAcceptedCodings(field).best(of: [.gzip]) == .gzip
        else { return }
        if response.status == .notModified { return weakenTag(&response) }
        if response.isStream {
            let level = level
            // Streams may be many, and take long.
            response.filterStream { GzipEncoder(level: level, windowBits: 13, memoryLevel: 6) }
        } else {
            let count = response.contentLength
            guard response.isInMemory, count >= minBytes, count <= Self.mostBytes else {
                return
            }
            let compressed = encoder.encode(response.body)
            guard compressed.count < count else { return }
            response.body = compressed
        }
        response.headers["Content-Encoding"] = "gzip"
        weakenTag(&response)
    }

    /// Of what the client gets, or would get had it not got it before (RFC 9110 §15.4.5).
    private func isAllowed(_ response: HTTPResponse) -> Bool {
        let headers = response.headers
        guard headers["Content-Encoding"] == nil, headers["Content-Range"] == nil else { return false }
        if let caching = headers.list("Cache-Control"), HTTPHeaders.members(caching).contains("no-transform") {
            return false
        }
        if response.status == .notModified { return true }
        guard response.status.code >= 200, response.status != .noContent, response.status != .partialContent else {
            return false
        }
        return headers["Content-Type"].map(Self.isCompressible) ?? true  // Without it is HTML.
    }

    /// Whether bodies of a media type become much smaller: those that are text, and some more.
    static func isCompressible(_ contentType: String) -> Bool {
        let type = contentType.prefix(beforeASCII: "; ").lowercased()
        if type.hasPrefix("text/") || type.hasSuffix("+json") || type.hasSuffix("+xml") { return true }
        return others.contains(type)
    }

    private static let others: Set = [
        "application/json", "application/javascript", "application/x-javascript", "application/xml",
        "application/wasm", "application/x-ndjson", "application/rtf", "application/postscript", "image/bmp",
        "image/x-icon", "font/ttf", "font/otf", "application/vnd.ms-fontobject",
    ]

    /// RFC 9110 §8.8.1: a strong tag is that of other bytes.
    private func weakenTag(_ response: inout HTTPResponse) {
        if let tag = response.headers["ETag"], !tag.hasPrefix("W/") { response.headers["ETag"] = "W/" + tag }
    }
}
