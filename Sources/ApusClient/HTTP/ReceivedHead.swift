import Apus
import ApusProtocols

/// The head of a response that is no interim one.
nonisolated final class ReceivedHead: Sendable {
    let status: HTTPStatus
    let headers: HTTPHeaders

    /// `bytes` are a well-formed head, with the status that was read of it.
    init(_ bytes: UnsafeBufferPointer<UInt8>, status: Int) {
        self.status = HTTPStatus(code: status, reason: Self.reason(of: bytes))
        headers = HTTPHeaders(received: bytes)
    }

    /// What stands behind the status.
    private static func reason(of head: UnsafeBufferPointer<UInt8>) -> String {
        let line = head.prefix { $0 != 0x0D && $0 != 0x0A }
        return String(decoding: line.dropFirst("HTTP/1.1 200 ".utf8.count), as: UTF8.self)
    }
}
