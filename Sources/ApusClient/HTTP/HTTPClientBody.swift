import Apus
import ApusProtocols

/// The body of a request.
public nonisolated struct HTTPClientBody: Sendable {
    enum Content: Sendable {
        case none
        case bytes([UInt8])
        /// Pieces, and how many bytes they have together where that is known. Each call begins anew.
        case pieces(length: Int?, canRepeat: Bool, @MainActor @Sendable () throws -> HTTPBodyPieces)
    }

    let content: Content
    /// Sent unless the request has one.
    let contentType: String?

    /// No body.
    public static let none = HTTPClientBody(content: .none, contentType: nil)

    /// Bytes.
    public static func bytes(_ bytes: [UInt8], contentType: String? = nil) -> HTTPClientBody {
        HTTPClientBody(content: .bytes(bytes), contentType: contentType)
    }

    /// Text, in UTF-8.
    public static func text(_ text: String, contentType: String = "text/plain;charset=utf-8") -> HTTPClientBody {
        .bytes(Array(text.utf8), contentType: contentType)
    }

    /// The fields of a form, percent-encoded (WHATWG URL §5.2).
    public static func form(_ fields: KeyValuePairs<String, String>) -> HTTPClientBody {
        .text(FormEncoding.encode(fields.map { ($0.key, $0.value) }), contentType: "application/x-www-form-urlencoded")
    }

    /// The file at a path, read as it is sent.
    public static func file(_ path: String, contentType: String = "application/octet-stream") -> HTTPClientBody {
        .pieces([.file(path)], contentType: contentType)
    }

    /// A form with files (RFC 7578).
    public static func multipart(_ parts: [MultipartPart]) -> HTTPClientBody {
        let boundary = MultipartPart.boundary()
        return .pieces(
            parts.flatMap { $0.pieces(boundary) } + [.bytes(Array("--\(boundary)--\r\n".utf8))],
            contentType: "multipart/form-data; boundary=\(boundary)")
    }

    private static func pieces(_ pieces: [BodyPiece], contentType: String) -> HTTPClientBody {
        HTTPClientBody(
            content: .pieces(length: nil, canRepeat: true) {
                let files = try pieces.map { try $0.opened() }
                return HTTPBodyPieces(length: files.reduce(0) { $0 + $1.count }, PieceIterator(files))
            }, contentType: contentType)
    }

    /// What a sequence brings, sent as it comes; while the server takes nothing the next piece is not asked for.
    /// Without a length, in bytes, it is sent in chunks. Such a body is sent once: a redirect that asks for it again
    /// fails.
    public static func stream<Bytes: AsyncSequence & Sendable>(
        _ bytes: Bytes, length: Int? = nil, contentType: String? = nil
    ) -> HTTPClientBody where Bytes.Element == [UInt8] {
        HTTPClientBody(
            content: .pieces(length: length, canRepeat: false) {
                HTTPBodyPieces(length: length, SequenceIterator(bytes.makeAsyncIterator()))
            }, contentType: contentType)
    }

    /// Whether it can be sent once more.
    var canRepeat: Bool {
        if case .pieces(_, let canRepeat, _) = content { canRepeat } else { true }
    }
}

/// A body as it is sent.
struct HTTPBodyPieces {
    /// Bytes; nil when nobody knows.
    let length: Int?
    let next: @MainActor () async throws -> [UInt8]?

    init(length: Int?, _ iterator: some BodyIterator) {
        self.length = length
        next = { try await iterator.next() }
    }
}

/// Brings one piece after the other.
protocol BodyIterator: AnyObject {
    func next() async throws -> [UInt8]?
}

private final class SequenceIterator<Iterator: AsyncIteratorProtocol>: BodyIterator where Iterator.Element == [UInt8] {
    private var iterator: Iterator

    init(_ iterator: Iterator) { self.iterator = iterator }

    nonisolated deinit {}

    func next() async throws -> [UInt8]? {
        var iterator = iterator
        defer { self.iterator = iterator }
        return try await iterator.next(isolation: MainActor.shared)
    }
}

/// A part of a body: bytes that are there, or a file.
nonisolated enum BodyPiece: Sendable {
    case bytes([UInt8])
    case file(String)

    /// Where its bytes are read from.
    func opened() throws(HTTPClientError) -> OpenedPiece {
        switch self {
        case .bytes(let bytes): return .bytes(bytes)
        case .file(let path):
            do throws(OpenFile.Failure) {
                return .file(try OpenFile(path), path)
            } catch {
                throw .bodyFailed("\(path) cannot be read: \(error)")
            }
        }
    }
}

nonisolated enum OpenedPiece: Sendable {
    case bytes([UInt8])
    case file(OpenFile, String)

    var count: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .file(let file, _): file.size
        }
    }
}

private final class PieceIterator: BodyIterator {
    /// Bytes of a file that are read at a time.
    private static let readBytes = 256 * 1024
    private var pieces: ArraySlice<OpenedPiece>
    private var offset = 0

    init(_ pieces: [OpenedPiece]) { self.pieces = pieces[...] }

    nonisolated deinit {}

    func next() async throws -> [UInt8]? {
        while let piece = pieces.first {
            switch piece {
            case .bytes(let bytes):
                pieces.removeFirst()
                if !bytes.isEmpty { return bytes }
            case .file(let file, let path):
                let range = offset..<min(offset + Self.readBytes, file.size)
                offset = range.upperBound
                if range.isEmpty {
                    pieces.removeFirst()
                    offset = 0
                    continue
                }
                guard let bytes = await Self.read(file, range) else {
                    throw HTTPClientError.bodyFailed("\(path) has become shorter, or cannot be read")
                }
                return bytes
            }
        }
        return nil
    }

    /// Reading may wait for the disk: it does so on another thread.
    @concurrent private nonisolated static func read(_ file: OpenFile, _ range: Range<Int>) async -> [UInt8]? {
        file.bytes(in: range)
    }
}
