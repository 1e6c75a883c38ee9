/// An error that says what the client gets.
///
/// One that a handler throws, or does not catch, is answered with its status, header fields and message, and the
/// connection goes on. It counts as the client's fault: nothing is logged below 500, and `errorPolicy` does not apply.
/// A worker or connection with an `errorHandler` leaves the answer to that.
public nonisolated struct HTTPError: Error, Sendable, CustomStringConvertible {
    /// The status of the answer.
    public let status: HTTPStatus
    /// What the answer's body says to the client, as plain text.
    public let message: String
    /// Further header fields of the answer, such as `WWW-Authenticate` or `Retry-After`.
    public let headers: HTTPHeaders

    /// `message` is the reason phrase of the status unless given.
    public init(_ status: HTTPStatus, _ message: String? = nil, headers: HTTPHeaders = [:]) {
        precondition(status.code >= 200, "an interim response is no answer")
        self.status = status
        self.message = message ?? status.reason
        self.headers = headers
    }

    /// "400 Bad Request: the body is no form"
    public var description: String { message == status.reason ? "\(status)" : "\(status): \(message)" }

    /// A handler answered with `status`, which is no answer.
    static func interim(_ status: HTTPStatus) -> HTTPError {
        HTTPError(.internalServerError, "\(status.code) is the status of an interim response, not of an answer")
    }

    package var response: HTTPResponse {
        var headers = headers
        if !headers.hasContentType { headers["Content-Type"] = "text/plain;charset=utf-8" }
        return HTTPResponse(status, headers: headers, body: message)
    }
}
