import Apus
import Glibc

/// HTTP whose paths are those of files in `--root`; the query says what is special about the answer.
func serveFiles(_ options: Options) {
    let server = Worker(HTTP(keepAliveTimeout: options.number("keep-alive") ?? 75), on: options.address)
    setLimits(server, options)
    server.user = options["user"] ?? ""
    let root = options["root"] ?? "."
    server.onBufferFull = { _ in report("full") }
    server.onBufferDrain = { _ in report("drain") }
    server.onError = { _, code, text in report("error \(code) \(text)") }
    server.onClose = { report("close \($0.bytesWritten) \($0.pendingSendBytes)") }
    server.onMessage = { connection, request in
        let path = root + request.path
        switch request.query {
        case "saved": connection.send(file: path, for: request, downloadName: "na\u{EF}ve \"x\"\\.txt")
        case "typed": connection.send(file: path, for: request, contentType: .plainText)
        case "cached": connection.send(file: path, for: request, headers: ["Cache-Control": "max-age=60"])
        case "page": connection.send(HTTPResponse(.notFound, file: path))
        case "replaced":
            var response = HTTPResponse(file: path, for: request)
            if response.status == .notFound { response.body = Array("nothing of that name".utf8) }
            connection.send(response)
        case "nul": connection.send(file: path + "\0.txt", for: request)
        case "later":
            connection.run {
                await Task.yield()
                connection.send(file: path, for: request)
            }
        case "closed":
            connection.send(file: path, for: request)
            connection.close()
        case "behind":
            connection.send(file: path, for: request)
            report("pending \(connection.pendingSendBytes) \(connection.bytesWritten)")
            report("behind \(connection.sendRaw(Array("behind".utf8)))")
        case "small": connection.send("small")
        default: connection.send(file: path, for: request)
        }
    }
}
