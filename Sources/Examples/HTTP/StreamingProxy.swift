import Apus
import ApusClient
import ApusWeb

/// Hands requests on to another HTTP server, and its answers back, while they arrive.
///
///     Examples StreamingProxy start [--on HOST:PORT] --to http://HOST:PORT[/PATH] [--count N]
///
/// Nothing is collected: a client that reads slowly slows the server down, and a server that takes an upload slowly
/// slows its client down, with a few hundred kilobytes on their way. An answer that breaks off ends the connection, so
/// that nobody takes it for a whole one. No tunnel for WebSockets; `TCPProxy` hands everything on.
enum StreamingProxy {
    /// Bytes that a client may send with one request.
    private static let mostBytes = 16 << 30

    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        var target = try options.required("to")
        if target.hasSuffix("/") { target.removeLast() }
        guard target.hasPrefix("http://") || target.hasPrefix("https://") else {
            throw OptionError(description: "--to needs http://HOST:PORT, not \(target)")
        }
        var settings = HTTPClientOptions()
        settings.decompresses = false  // The client gets the bytes that the server sent.
        settings.maxRedirects = 0  // It follows redirects itself.
        let client = HTTPClient(settings)

        let server = Worker(.http, on: options.value("on") ?? "127.0.0.1:8080")
        server.name = "StreamingProxy"
        server.count = try options.number("count") ?? 1
        server.bodyPolicy = { _ in .stream(upTo: mostBytes) }
        server.onMessageAsync = { [target] connection, request in
            let answer: HTTPStreamedResponse
            do {
                answer = try await client.stream(ProxiedRequest.make(of: request, to: target))
            } catch let error as HTTPClientError {
                Worker.log("\(request.method.name) \(request.path): \(error)", level: .warning)
                connection.send(refusal(error))
                return
            }
            let length = answer.headers["Content-Length"].flatMap { Int($0) }
            let headers = ProxiedRequest.withoutOwnFields(answer.headers.fields)
            let body = try connection.startResponse(answer.status, headers: headers, contentLength: length)
            for try await piece in answer.body { try await body.write(piece) }
            body.end()
        }
    }

    private static func refusal(_ error: HTTPClientError) -> HTTPResponse {
        switch error {
        case .timedOut: HTTPResponse(.gatewayTimeout, body: "the server behind does not answer")
        case .invalidURL: HTTPResponse(.badRequest, body: "there is no such address")
        default: HTTPResponse(.badGateway, body: "the server behind cannot be reached")
        }
    }
}
