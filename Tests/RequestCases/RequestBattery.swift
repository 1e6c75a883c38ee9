/// Every raw request whose reading is known beforehand.
package enum RequestBattery {
    package static let all =
        RequestLineCases.all + FieldLineCases.all + HostCases.all + BodyLengthCases.all + PersistenceCases.all
        + LimitCases.all + ChunkedBodyCases.all

    /// Comes before and behind the others.
    package static let neighbour = RequestCase.request(
        "neighbour", "RFC 9112 §9.3.2", head("POST /n HTTP/1.1", "Host: n", "Content-Length: 2", body: "ok"),
        method: .post, target: "/n", body: "ok")
}
