import ApusProtocols
import CApus

/// The method of a request.
public typealias HTTPMethod = ApusProtocols.HTTPMethod

/// A request, as a view on the bytes that arrived: names, values and body become Swift values when they are asked for.
///
/// The object may be kept, for instance across an `await` or in a variable: its bytes are then copied once, after the
/// handler returned. Otherwise it is used again for the next request, and nothing is copied or allocated.
public final class HTTPRequest: ByteOwner {
    // Unsafe for `deinit`, and for views whose collection methods cannot be isolated: all on the loop's thread.
    @exclusivity(unchecked) nonisolated(unsafe) var parser: HTTPRequestParser
    /// Head and body, where they are.
    nonisolated var bytes: UnsafeMutablePointer<UInt8> {
        @inline(__always) get { storage }
        @inline(__always) set { storage = newValue }
    }
    @exclusivity(unchecked) var bodyStart = 0
    @exclusivity(unchecked) var bodyCount = 0
    // As `parser`.
    @exclusivity(unchecked) nonisolated(unsafe) var trailerRange = 0..<0
    /// What was made of this request beyond its bytes; most have none.
    @exclusivity(unchecked) var extras: RequestExtras?
    nonisolated let formOptions: FormOptions
    /// The route it took: see `route`. Set for each request by the router, if there is one.
    @exclusivity(unchecked) private(set) var routeNumber = 0
    /// The connection it came from; held by the request only once that is kept.
    // Not `unowned(unsafe)`: setting that costs a retain and a release.
    @exclusivity(unchecked) private var source: Unmanaged<StreamConnection>?
    var transport: StreamConnection? { source?.takeUnretainedValue() }
    @exclusivity(unchecked) private var keptTransport: StreamConnection?

    init(limits: HTTPRequestLimits, forms: FormOptions, bytes: UnsafeMutablePointer<UInt8>) {
        parser = HTTPRequestParser(limits: limits, fields: .allocate(capacity: limits.maxFields))
        formOptions = forms
        super.init(bytes)
    }

    nonisolated deinit { parser.fields.deallocate() }

    /// Moves the bytes into memory of the request's own: somebody keeps it.
    func detach() {
        guard !ownsStorage else { return }
        if extras?.isWatched ?? false { noteHandled(isKept: true) }
        detach(count: max(bodyStart + bodyCount, trailerRange.upperBound))
        keptTransport = transport
    }

    /// Takes a body, and trailers, that came after the request was delivered.
    func adopt(body: [UInt8], trailers: [UInt8]) {
        let headCount = parser.head.byteCount
        let whole = UnsafeMutablePointer<UInt8>.allocate(capacity: headCount + body.count + trailers.count)
        whole.update(from: bytes, count: headCount)
        body.withUnsafeBufferPointer {
            if let base = $0.baseAddress { (whole + headCount).update(from: base, count: $0.count) }
        }
        bodyStart = headCount
        bodyCount = body.count
        trailerRange = (headCount + bodyCount)..<(headCount + bodyCount + trailers.count)
        trailers.withUnsafeBufferPointer {
            if let base = $0.baseAddress { (whole + trailerRange.lowerBound).update(from: base, count: $0.count) }
        }
        if !ownsStorage { keptTransport = transport }
        own(whole)
    }

    /// Says which connection is about to deliver it.
    @inline(__always)
    func comes(from connection: StreamConnection) { source = .passUnretained(connection) }

    /// The connection that the request came from, and that its answer goes to.
    public var connection: Connection<HTTP> {
        // Set before each delivery.
        Connection(transport!)
    }

    /// It came over TLS; false once its connection has closed.
    package var isSecured: Bool { transport?.tls != nil }

    /// The address of the client; nil for one that has none, and for a request that came over no connection.
    package var clientIP: String? {
        guard let text = transport?.peer.ipText, !text.isEmpty else { return nil }
        return text
    }

    /// Says which route it takes; 0 stands for none.
    package func take(route number: Int) { routeNumber = number }

    /// The handler is done with the request, which is used again.
    @inline(never)
    func recycle() {
        let isWatched = extras?.isWatched ?? false
        if isWatched { noteHandled(isKept: false) }
        extras = nil
        if isWatched { moreExtras.isWatched = true }
    }

    // MARK: Request line

    /// The method.
    public var method: HTTPMethod { parser.head.method }

    /// The target as it was sent, not decoded: path and query, seldom an absolute URI or `*` (RFC 9112 §3.2).
    public var target: String { text(Int(parser.head.targetStart), Int(parser.head.targetCount)) }

    /// What stands before the `?`, not decoded, without scheme and host; `*` for `OPTIONS *`.
    public var path: String {
        let offset = Int(parser.head.pathOffset)
        return isRootOfURI ? "/" : text(Int(parser.head.targetStart) + offset, pathCount - offset)
    }

    /// What stands after the `?`; "" if there is none.
    public var query: String {
        let start = pathCount + 1
        return start > Int(parser.head.targetCount)
            ? "" : text(Int(parser.head.targetStart) + start, Int(parser.head.targetCount) - start)
    }

    /// "1.1" or "1.0".
    public var version: String { parser.head.minorVersion == 0 ? "1.0" : "1.1" }

    /// Whether the path is exactly `expected`, without making a `String` of it.
    public func pathIs(_ expected: StaticString) -> Bool {
        guard parser.head.pathOffset == 0 else { return path == "\(expected)" }
        let count = expected.utf8CodeUnitCount
        let targetCount = Int(parser.head.targetCount)
        let start = bytes + Int(parser.head.targetStart)
        guard targetCount == count || (targetCount > count && start[count] == UInt8(ascii: "?")) else { return false }
        let text = expected.utf8Start
        var i = 0
        while i < count {
            if start[i] != text[i] || start[i] == UInt8(ascii: "?") { return false }
            i &+= 1
        }
        return true
    }

    /// RFC 9110 §4.2.3: an absolute URI without a path means `/`.
    private var isRootOfURI: Bool { parser.head.pathOffset > 0 && pathCount == Int(parser.head.pathOffset) }

    /// Bytes of the target before the `?`.
    var pathCount: Int {
        let count = Int(parser.head.targetCount)
        let start = UnsafePointer(bytes + Int(parser.head.targetStart))
        guard let mark = capus_find(start, start + count, UInt8(ascii: "?")) else { return count }
        return mark - start
    }

    /// The bytes of `path`, in place: valid during the handler's call, or for as long as the request is kept.
    package var pathBytes: UnsafeRawBufferPointer {
        let root: StaticString = "/"
        if isRootOfURI { return UnsafeRawBufferPointer(start: root.utf8Start, count: 1) }
        let start = Int(parser.head.targetStart)
        return slice((start + Int(parser.head.pathOffset))..<(start + pathCount))
    }

    // MARK: Header

    /// The fields of the header.
    public var headers: HTTPRequestHeaders { HTTPRequestHeaders(request: self) }

    /// Host and port as the client named them; "" for an HTTP/1.0 client that did not. Those of a target that is an
    /// absolute URI take the place of the `Host` field, here and in `headers` (RFC 9112 §3.2.2).
    public var host: String {
        headers["host"] ?? (parser.head.pathOffset > 0 ? string(parser.head.authority(bytes)) : "")
    }

    /// `host` without the port; an IPv6 address keeps its brackets.
    public var hostName: String { Self.hostName(of: host) }

    static func hostName(of host: String) -> String {
        guard let colon = host.lastIndex(ofASCII: ":"), !host.hasSuffix("]") else { return host }
        return String(host[..<colon])
    }

    /// The head as it was sent: request line, fields and the empty line.
    public var rawHead: ByteView { ByteView(owner: self, range: 0..<parser.head.byteCount) }

    // MARK: Body

    /// The body, complete and without transfer coding.
    public var body: ByteView { ByteView(owner: self, range: bodyStart..<(bodyStart + bodyCount)) }

    nonisolated func text(_ start: Int, _ count: Int) -> String {
        String(decoding: UnsafeBufferPointer(start: bytes + start, count: count), as: UTF8.self)
    }

    nonisolated func string(_ range: Range<Int>) -> String { text(range.lowerBound, range.count) }

    nonisolated func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: bytes + range.lowerBound, count: range.count)
    }

    /// Whether the name of the field at `index` is `name`, which is in lower case, in any case.
    nonisolated func isField(_ index: Int, _ name: StaticString) -> Bool {
        let field = parser.fields[index]
        return matchesIgnoringCase(bytes + Int(field.nameStart), count: Int(field.nameCount), name)
    }
}

/// The header fields of a request, in the order they were sent.
public struct HTTPRequestHeaders {
    let request: HTTPRequest

    /// How many fields there are.
    public var count: Int { request.parser.head.fieldCount }

    /// The value of the field, without surrounding blanks; values of a repeated field are joined by ", "
    /// (RFC 9110 §5.3). Names are case-insensitive.
    public subscript(name: String) -> String? {
        var found: String?
        for i in 0..<count where nameIs(i, name) {
            let value = value(at: i)
            found = found.map { "\($0), \(value)" } ?? value
        }
        return found
    }

    /// Name and value of the field at `index`, as they were sent.
    public subscript(index: Int) -> (name: String, value: String) {
        precondition(index >= 0 && index < count, "header index out of range")
        let field = request.parser.fields[index]
        return (request.text(Int(field.nameStart), Int(field.nameCount)), value(at: index))
    }

    private func value(at index: Int) -> String {
        let field = request.parser.fields[index]
        return request.text(Int(field.valueStart), Int(field.valueCount))
    }

    private func nameIs(_ index: Int, _ name: String) -> Bool {
        let field = request.parser.fields[index]
        let utf8 = name.utf8
        guard utf8.count == Int(field.nameCount) else { return false }
        let start = request.bytes + Int(field.nameStart)
        return zip(0..., utf8).allSatisfy { lowercase(start[$0]) == lowercase($1) }
    }

    private func lowercase(_ byte: UInt8) -> UInt8 {
        byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
    }
}
