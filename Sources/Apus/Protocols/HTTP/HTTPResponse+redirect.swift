import ApusProtocols

extension HTTPResponse {
    /// Sends the client elsewhere: 302 unless `status` is another redirection. What may not stand in a field is
    /// percent-encoded.
    public static func redirect(to location: String, _ status: HTTPStatus = .found) -> HTTPResponse {
        var response = HTTPResponse(status)
        response.headers["Location"] = PercentCoding.encode(location) { $0 > 0x20 && $0 < 0x7F }
        return response
    }
}
