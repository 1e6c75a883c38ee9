import Apus
import ApusProtocols

/// The head of a response that is no interim one.
nonisolated final class ReceivedHead: Sendable {
    let status: HTTPStatus
    let headers: HTTPHeaders
    /// Seconds for which the server keeps the connection, a little less than it says: a request is on its way for a
    /// while. Infinite when it does not say (`Keep-Alive: timeout=5`, RFC 2068 §19.7.1.1).
    let keepAlive: Double

    /// `bytes` are a well-formed head, with the status that was read of it.
    init(_ bytes: UnsafeBufferPointer<UInt8>, status: Int) {
        self.status = HTTPStatus(code: status, reason: Self.reason(of: bytes))
        headers = HTTPHeaders(received: bytes)
        keepAlive = headers["Keep-Alive"].map(Self.keepAlive) ?? .infinity
    }

    private static func keepAlive(_ text: String) -> Double {
        for parameter in text.split(atASCII: ",") {
            let words = parameter.split(atASCII: "=", maxSplits: 1)
            guard words.count == 2, words[0].lowercased().filter({ $0 != " " }) == "timeout",
                let seconds = UInt32(words[1].filter { $0 != " " })
            else { continue }
            return Double(seconds) - min(1, Double(seconds) / 4)
        }
        return .infinity
    }

    /// What stands behind the status.
    private static func reason(of head: UnsafeBufferPointer<UInt8>) -> String {
        let line = head.prefix { $0 != 0x0D && $0 != 0x0A }
        return String(decoding: line.dropFirst("HTTP/1.1 200 ".utf8.count), as: UTF8.self)
    }
}
