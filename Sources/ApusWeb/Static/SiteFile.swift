import Apus
import ApusProtocols

/// A file of a site that was found, in all the forms it is there in, and the answers that most requests get.
final class SiteFile {
    /// A form of the file: as it is, or compressed.
    struct Variant {
        let coding: HTTPContentCoding?
        let file: OpenFile
        let description: FileDescription
        /// The answer to a request without conditions.
        let whole: HTTPResponse
    }

    /// One that was opened: what there is to compare with what is known.
    struct Source {
        let coding: HTTPContentCoding?
        let file: OpenFile
    }

    /// The path of the request that led here, as it was sent.
    let path: [UInt8]
    private let variants: [Variant]
    private let codings: [HTTPContentCoding]
    private let headers: HTTPHeaders
    /// When it was seen on the disk, and asked for, last: nanoseconds of the monotonic clock.
    @exclusivity(unchecked) var checked: Int64
    @exclusivity(unchecked) var used: Int64
    /// Bytes of it that are in memory.
    let byteCount: Int
    /// It was changed so shortly before it was opened that a later change may leave the same time behind.
    private let isFresh: Bool

    /// The first of `sources` is the file itself, called `name`. At most `room` bytes are kept in memory.
    init(path: [UInt8], name: String, _ sources: [Source], headers: HTTPHeaders, room: Int, now: Int64) {
        self.path = path
        var headers = headers
        if sources.count > 1 { headers.add("Vary", "Accept-Encoding") }
        self.headers = headers
        checked = now
        used = now
        let second = HTTPTime.now.seconds
        isFresh = sources.contains { $0.file.state.modifiedSeconds > second - 2 }
        let plain = FileDescription(path: name, sources[0].file.state)
        var left = isFresh ? 0 : room
        variants = sources.map { source in
            let description = source.coding.map { plain.encoded($0, source.file.state) } ?? plain
            var whole = HTTPResponse(.whole, source.file, description, headers)
            let size = source.file.size
            if size <= min(left, Self.mostBytesInMemory), let content = source.file.content {
                left -= size
                whole.body = content
            } else if size <= min(left / 4, Self.mostBytesKept), source.file.keep() {
                left -= size
            }
            return Variant(coding: source.coding, file: source.file, description: description, whole: whole)
        }
        byteCount = (isFresh ? 0 : room) - left
        codings = variants.compactMap(\.coding)
    }

    /// Of such files head and body leave in one piece.
    private static let mostBytesInMemory = 64 * 1024
    /// To copy what the processor's caches may hold costs less than `sendfile`, which goes through the file page by
    /// page: see bench/README.md. A few of them leave room for many small ones. Larger ones hold no memory.
    private static let mostBytesKept = 2 * 1024 * 1024

    /// Whether what was opened now is what is known.
    func isSame(as sources: [Source]) -> Bool {
        !isFresh
            && sources.elementsEqual(variants) { $0.coding == $1.coding && $0.file.state == $1.file.state }
    }

    /// The answer to a GET or HEAD request.
    func response(to request: HTTPRequest) -> HTTPResponse {
        let variant = codings.isEmpty ? variants[0] : variant(for: request)
        guard request.isConditional else { return variant.whole }
        switch variant.description.answer(to: request) {
        case .whole: return variant.whole
        case let answer: return HTTPResponse(answer, variant.file, variant.description, headers)
        }
    }

    private func variant(for request: HTTPRequest) -> Variant {
        guard let field = request.headers["accept-encoding"] else { return variants[0] }
        let coding = HTTPAcceptedCodings(field).best(of: codings)
        return variants.first { $0.coding == coding } ?? variants[0]
    }

    /// The file as the body of an answer that is about something else: what names its state would be wrong there.
    func page(_ status: HTTPStatus, for request: HTTPRequest) -> HTTPResponse {
        var response = codings.isEmpty ? variants[0].whole : variant(for: request).whole
        response.status = status
        for name in ["ETag", "Last-Modified", "Accept-Ranges", "Cache-Control"] { response.headers[name] = nil }
        return response
    }
}
