import Apus

/// Sends an answer while it is made: a table of any length, of which a few kilobytes are in memory.
///
///     Examples ChunkedAnswer start [--on HOST:PORT]
///
/// `/rows?count=N` is as quick as the client reads, however large: `write` waits while 256 KiB are on their way.
/// `/ticks` has a line now and then. A trailer says how many rows there were. Clients of HTTP/1.0 know no chunks: their
/// answer ends with the connection.
enum ChunkedAnswer {
    private static let mostRows = 1_000_000_000

    static func set(_ arguments: [String]) throws {
        let server = Worker(.http, on: Options(arguments).value("on") ?? "127.0.0.1:8080")
        server.name = "ChunkedAnswer"
        server.onMessage = { connection, request in
            switch request.path {
            case "/rows":
                let count: Int = try request.queryParameters.require("count")
                guard (0...mostRows).contains(count) else { throw HTTPError(.badRequest, "0 to \(mostRows) rows") }
                connection.run { try await sendRows(count, on: connection) }
            case "/ticks": connection.run { try await tick(on: connection) }
            default: throw HTTPError(.notFound, "try /rows?count=1000 or /ticks")
            }
        }
    }

    private static func sendRows(_ count: Int, on connection: Connection<HTTP>) async throws {
        let headers: HTTPHeaders = ["Content-Type": "text/csv", "Trailer": "Row-Count"]
        let body = try connection.startResponse(headers: headers)
        var rows = "number,square\n"
        for number in 0..<count {
            rows += "\(number),\(number * number)\n"
            guard rows.utf8.count > 8192 else { continue }
            try await body.write(rows)
            rows = ""
        }
        try await body.write(rows)
        body.end(trailers: ["Row-Count": "\(count)"])
    }

    /// When the client goes, the task is cancelled, and `sleep` throws.
    private static func tick(on connection: Connection<HTTP>) async throws {
        let body = try connection.startResponse(headers: ["Content-Type": "text/plain"])
        for number in 1...10 {
            try await body.write("tick \(number)\n")
            try await Timer.sleep(0.2)
        }
        body.end()
    }
}
