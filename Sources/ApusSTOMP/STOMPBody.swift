/// What a message can carry.
public protocol STOMPBody {
    /// The bytes that are sent.
    nonisolated var stompBytes: [UInt8] { get }
    /// What they are called unless the headers say something else.
    nonisolated var stompContentType: String { get }
}

extension String: STOMPBody {
    /// The text in UTF-8.
    public nonisolated var stompBytes: [UInt8] { Array(utf8) }
    /// `text/plain`
    public nonisolated var stompContentType: String { "text/plain" }
}

extension [UInt8]: STOMPBody {
    /// The bytes themselves.
    public nonisolated var stompBytes: [UInt8] { self }
    /// `application/octet-stream`
    public nonisolated var stompContentType: String { "application/octet-stream" }
}
