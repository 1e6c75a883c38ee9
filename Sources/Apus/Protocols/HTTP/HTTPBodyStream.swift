/// The body of a request as it arrives; see `HTTPRequest.bodyStream`.
public struct HTTPBodyStream: @MainActor AsyncSequence {
    public typealias Element = [UInt8]
    let request: HTTPRequest

    public func makeAsyncIterator() -> Iterator { Iterator(request) }

    /// Waits for one piece after the other.
    public struct Iterator: @MainActor AsyncIteratorProtocol {
        private let request: HTTPRequest
        private var isOver = false

        fileprivate init(_ request: HTTPRequest) { self.request = request }

        public mutating func next() async throws -> [UInt8]? {
            guard !isOver else { return nil }
            guard let intake = request.extras?.intake else {
                // It was delivered with its body.
                isOver = true
                return request.bodyCount > 0 ? request.body.array : nil
            }
            let piece = NextPiece()
            try await intake.fill(piece)
            if let bytes = piece.bytes { return bytes }
            request.adoptTrailers(of: intake)
            isOver = true
            return nil
        }
    }
}

/// Takes what is there.
private final class NextPiece: BodySink {
    var bytes: [UInt8]?
    func take(_ bytes: UnsafeRawBufferPointer) { self.bytes = Array(bytes) }
    var wantsMore: Bool { false }
}

/// Takes all into memory.
private final class Collection: BodySink {
    private let maxBytes: Int
    private(set) var bytes: [UInt8] = []

    init(maxBytes: Int) { self.maxBytes = maxBytes }

    func take(_ more: UnsafeRawBufferPointer) throws {
        guard more.count <= maxBytes - bytes.count else { throw HTTPError(.contentTooLarge) }
        bytes += more
    }
    var wantsMore: Bool { true }
}

/// Takes all into a file.
private final class FileWriter: BodySink {
    private let file: TemporaryFile

    init(_ file: TemporaryFile) { self.file = file }

    func take(_ bytes: UnsafeRawBufferPointer) throws { try file.append(bytes) }
    var wantsMore: Bool { true }
}

extension HTTPRequest {
    /// The body, piece by piece, of a request that was delivered before it (`HTTPBodyPolicy.stream`):
    ///
    ///     for try await bytes in request.bodyStream { hash.update(bytes) }
    ///
    /// A piece has as many bytes as are there, up to 64 KiB; while nobody asks for the next one the client is slowed
    /// down. A client that waits to be asked for its body (`Expect: 100-continue`) is asked here. Throws an `HTTPError`
    /// with the status that answers a body that cannot be read, is too long, late, or not complete, and
    /// `ConnectionError.closed` when the client has gone. Trailers are there once it has ended.
    ///
    /// An answer that is made before the end closes the connection, unless little is left: who goes on to read at once
    /// gets that. What comes while nobody reads is dropped, and reading on throws. A body that was delivered with its
    /// request is one piece.
    public var bodyStream: HTTPBodyStream { HTTPBodyStream(request: self) }

    /// Waits for the whole of a body that is streamed, which is `body` then. One of more than `maxBytes` is an error
    /// with status 413; see `bodyStream` for others.
    public func collectBody(upTo maxBytes: Int) async throws {
        guard let intake = extras?.intake else {
            guard bodyCount <= maxBytes else { throw HTTPError(.contentTooLarge) }
            return
        }
        let collection = Collection(maxBytes: maxBytes)
        try await intake.fill(collection)
        adopt(body: collection.bytes, trailers: intake.trailerLines)
        extras?.intake = nil
    }

    /// Writes the body to a file at `path` as it arrives, and returns its length. The file appears there complete or
    /// not at all, and replaces what has that name; a symbolic link is replaced, not followed. Errors are those of
    /// `bodyStream`, and `SystemError` when the file cannot be written.
    @discardableResult
    public func saveBody(to path: String, permissions: UInt32 = 0o644) async throws -> Int {
        let file = try TemporaryFile(prefix: UploadedFile.prefix(besides: path))
        if let intake = extras?.intake {
            try await intake.fill(FileWriter(file))
            adoptTrailers(of: intake)
        } else {
            try slice(bodyStart..<(bodyStart + bodyCount)).withMemoryRebound(to: UInt8.self) {
                try file.append(UnsafeRawBufferPointer($0))
            }
        }
        try file.move(to: path, permissions: permissions)
        return file.size
    }

    fileprivate func adoptTrailers(of intake: BodyIntake) {
        if trailerRange.isEmpty, !intake.trailerLines.isEmpty { adopt(body: [], trailers: intake.trailerLines) }
    }
}
