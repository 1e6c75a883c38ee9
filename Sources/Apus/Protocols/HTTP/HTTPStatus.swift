import ApusProtocols

/// A status code with its reason phrase (RFC 9110 §15). Two are equal when their codes are: phrases are for people.
public nonisolated struct HTTPStatus: Sendable, Hashable, CustomStringConvertible {
    /// Three digits.
    public let code: Int
    /// The reason phrase; "" for codes that have none.
    public let reason: String

    /// A status of your own. Control characters in the reason are dropped.
    public init(code: Int, reason: String = "") {
        precondition((100...999).contains(code), "a status code has three digits, not \(code)")
        self.code = code
        self.reason = String(reason.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F })
    }

    private init(_ code: Int, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    /// "404 Not Found"
    public var description: String { "\(code) \(reason)" }

    public static func == (a: HTTPStatus, b: HTTPStatus) -> Bool { a.code == b.code }
    public func hash(into hasher: inout Hasher) { hasher.combine(code) }

    /// RFC 9110 §6.4.1, §15.3.5 and §15.4.5: these never have a body.
    var allowsBody: Bool { code >= 200 && code != 204 && code != 304 }

    /// RFC 9110 §15.2: an interim status answers nothing. 101 does, with another protocol.
    var isFinal: Bool { code >= 200 || code == 101 }

    /// The codes of RFC 9110 §15 that servers send.
    public static let switchingProtocols = HTTPStatus(101, "Switching Protocols")
    public static let ok = HTTPStatus(200, "OK")
    public static let created = HTTPStatus(201, "Created")
    public static let accepted = HTTPStatus(202, "Accepted")
    public static let noContent = HTTPStatus(204, "No Content")
    public static let partialContent = HTTPStatus(206, "Partial Content")
    public static let movedPermanently = HTTPStatus(301, "Moved Permanently")
    public static let found = HTTPStatus(302, "Found")
    public static let seeOther = HTTPStatus(303, "See Other")
    public static let notModified = HTTPStatus(304, "Not Modified")
    public static let temporaryRedirect = HTTPStatus(307, "Temporary Redirect")
    public static let permanentRedirect = HTTPStatus(308, "Permanent Redirect")
    public static let badRequest = HTTPStatus(400, "Bad Request")
    public static let unauthorized = HTTPStatus(401, "Unauthorized")
    public static let forbidden = HTTPStatus(403, "Forbidden")
    public static let notFound = HTTPStatus(404, "Not Found")
    public static let methodNotAllowed = HTTPStatus(405, "Method Not Allowed")
    public static let requestTimeout = HTTPStatus(408, "Request Timeout")
    public static let conflict = HTTPStatus(409, "Conflict")
    public static let gone = HTTPStatus(410, "Gone")
    public static let preconditionFailed = HTTPStatus(412, "Precondition Failed")
    public static let contentTooLarge = HTTPStatus(413, "Payload Too Large")
    public static let unsupportedMediaType = HTTPStatus(415, "Unsupported Media Type")
    public static let rangeNotSatisfiable = HTTPStatus(416, "Range Not Satisfiable")
    public static let expectationFailed = HTTPStatus(417, "Expectation Failed")
    public static let unprocessableContent = HTTPStatus(422, "Unprocessable Content")
    public static let upgradeRequired = HTTPStatus(426, "Upgrade Required")
    public static let tooManyRequests = HTTPStatus(429, "Too Many Requests")
    public static let headerFieldsTooLarge = HTTPStatus(431, "Request Header Fields Too Large")
    public static let internalServerError = HTTPStatus(500, "Internal Server Error")
    public static let notImplemented = HTTPStatus(501, "Not Implemented")
    public static let badGateway = HTTPStatus(502, "Bad Gateway")
    public static let serviceUnavailable = HTTPStatus(503, "Service Unavailable")
    public static let gatewayTimeout = HTTPStatus(504, "Gateway Timeout")
    public static let versionNotSupported = HTTPStatus(505, "HTTP Version Not Supported")
}

extension HTTPStatus {
    /// The status that answers a request that cannot be read.
    init(_ error: HTTPRequestError) {
        self =
            switch error {
            case .badRequest: .badRequest
            case .contentTooLarge: .contentTooLarge
            case .expectationFailed: .expectationFailed
            case .headerFieldsTooLarge: .headerFieldsTooLarge
            case .notImplemented: .notImplemented
            case .versionNotSupported: .versionNotSupported
            }
    }
}
