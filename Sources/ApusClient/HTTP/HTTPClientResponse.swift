import Apus
import ApusProtocols

/// What a server has answered, with all of its body.
public struct HTTPClientResponse: Sendable {
    /// The status, with the reason that RFC 9110 gives it.
    public nonisolated let status: HTTPStatus
    /// The fields. Those that tell of a compression are gone where it was undone.
    public nonisolated let headers: HTTPHeaders
    /// The body.
    public nonisolated let body: [UInt8]
    /// Where it came from, after redirects.
    public nonisolated let url: HTTPURL

    /// The body as UTF-8; what is none is replaced.
    public nonisolated var text: String { String(decoding: body, as: UTF8.self) }
}

/// What a server has answered, whose body is still to come.
public struct HTTPStreamedResponse {
    /// The status, with the reason that RFC 9110 gives it.
    public let status: HTTPStatus
    /// The fields. Those that tell of a compression are gone where it was undone.
    public let headers: HTTPHeaders
    /// Where it came from, after redirects.
    public let url: HTTPURL
    /// The body, for one `for try await` loop. When nobody holds it any more the connection is closed.
    public let body: HTTPResponseBody
}

/// The body of a response as it arrives: pieces of any size. While nobody asks for the next one the server is slowed
/// down.
///
/// Throws `HTTPClientError` when it does not come to its end, and `CancellationError`.
public struct HTTPResponseBody: @MainActor AsyncSequence {
    public typealias Element = [UInt8]
    let buffer: HTTPBodyBuffer

    public func makeAsyncIterator() -> Iterator { Iterator(buffer: buffer) }

    /// Waits for one piece after the other.
    public struct Iterator: @MainActor AsyncIteratorProtocol {
        let buffer: HTTPBodyBuffer

        public mutating func next() async throws -> [UInt8]? { try await buffer.next() }
    }

    /// All of it that is still to come, `maxBytes` at most.
    public func collect(upTo maxBytes: Int = 10 * 1024 * 1024) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await piece in self {
            guard piece.count <= maxBytes - bytes.count else { throw HTTPClientError.bodyTooLarge(limit: maxBytes) }
            bytes += piece
        }
        return bytes
    }
}

/// The pieces of a body that have arrived and were not asked for.
@MainActor final class HTTPBodyBuffer {
    /// Bytes above which the server is slowed down.
    private static let mostHeldBytes = 256 * 1024

    private let call: HTTPCall
    private var pieces: [[UInt8]] = []
    private var heldBytes = 0
    private var end: Result<Void, any Error>?
    private var continuation: UnsafeContinuation<Void, Never>?
    private var waits = 0

    init(_ call: HTTPCall) { self.call = call }

    isolated deinit {
        if end == nil { call.cancel() }
    }

    func add(_ piece: [UInt8]) {
        pieces.append(piece)
        heldBytes += piece.count
        if heldBytes > Self.mostHeldBytes { call.pause() }
        resume()
    }

    func finish(_ result: Result<Void, any Error>) {
        guard end == nil else { return }
        end = result
        resume()
    }

    func next() async throws -> [UInt8]? {
        precondition(continuation == nil, "a body is read by one loop at a time")
        try Task.checkCancellation()
        if pieces.isEmpty, end == nil { await wait() }
        if !pieces.isEmpty {
            let piece = pieces.removeFirst()
            heldBytes -= piece.count
            if heldBytes <= Self.mostHeldBytes / 2 { call.resume() }
            return piece
        }
        try Task.checkCancellation()
        try end?.get()
        return nil
    }

    private func wait() async {
        waits += 1
        let number = waits
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                // A task may have been suspended on its way to here.
                if Task.isCancelled || !pieces.isEmpty || end != nil { return continuation.resume() }
                self.continuation = continuation
            }
        } onCancel: {
            EventLoop.soon { if number == self.waits { self.resume() } }
        }
    }

    private func resume() {
        let continuation = continuation
        self.continuation = nil
        continuation?.resume()
    }
}
