import ApusProtocols

/// What a server answers to a client that asks for a WebSocket.
struct WebSocketUpgrade {
    let driver: WebSocketDriver
    let request: HTTPRequest
    private let offer: WebSocketOffer
    private(set) var selectedProtocol: String?
    let deflate: WebSocketDeflateAgreement?
    private var headers: HTTPHeaders = [:]

    /// Throws why the request opens no WebSocket.
    init(_ request: HTTPRequest, _ driver: WebSocketDriver) throws(HTTPError) {
        let offer: WebSocketOffer
        do throws(WebSocketRefusal) {
            offer = try WebSocketOffer(head: request.parser.head, lines: request.fieldLines)
        } catch {
            var headers: HTTPHeaders = [:]
            for (name, value) in error.fields { headers.add(name, value) }
            throw HTTPError(HTTPStatus(webSocket: error.status), "\(error)\n", headers: headers)
        }
        self.offer = offer
        self.driver = driver
        self.request = request
        let options = driver.options
        if let origins = options.origins, let origin = request.headers["origin"],
            !origins.contains(where: { $0.lowercased() == origin.lowercased() })
        {
            throw HTTPError(.forbidden, "pages of this origin may not connect")
        }
        selectedProtocol = options.protocols.first { offer.subprotocols.contains($0) }
        deflate = options.compression.flatMap { offer.deflate($0) }
    }

    /// What user code has made of it.
    enum Verdict {
        case agreed
        case refused(HTTPError)
        /// The connection is closed.
        case closed
    }

    /// Asks user code; throws what it throws.
    mutating func ask(_ connection: Connection<WebSocket>) throws -> Verdict {
        guard let onConnect = driver.events.onConnect else { return .agreed }
        let question = WebSocketRequest(request, protocols: offer.subprotocols, selected: selectedProtocol)
        try onConnect(connection, question)
        guard connection.isOpen else { return .closed }
        if let refusal = question.refusal { return .refused(refusal) }
        if let selected = question.selectedProtocol, !HTTPHeaders.isToken(selected) {
            throw HTTPError(.internalServerError, "the sub-protocol \"\(selected)\" is no token")
        }
        selectedProtocol = question.selectedProtocol
        headers = question.headers
        return .agreed
    }

    /// The head that opens it, with the fields that user code has added.
    func head(adding more: HTTPHeaders = [:]) -> [UInt8] {
        var head = offer.answer(subprotocol: selectedProtocol, deflate: deflate)
        for (name, value) in headers.fields + more.fields where !Self.ownNames.contains(name.lowercased()) {
            head += "\(name): \(value)\r\n".utf8
        }
        return head + "\r\n".utf8
    }

    /// What the handshake says itself, and what an answer without a body cannot have.
    private static let ownNames: Set = [
        "connection", "upgrade", "sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-protocol",
        "sec-websocket-version", "content-length", "content-type", "transfer-encoding",
    ]
}

extension HTTPStatus {
    /// Of those that a handshake is refused with.
    fileprivate init(webSocket code: Int) { self = code == 426 ? .upgradeRequired : .badRequest }
}

extension HTTPRequest {
    /// The lines of the header, for codecs.
    var fieldLines: HTTPFieldLines {
        HTTPFieldLines(
            bytes: bytes, fields: UnsafeBufferPointer(start: parser.fields, count: parser.head.fieldCount))
    }
}
