import Apus

/// Answers each request with what it was taken for.
func reflect(_ options: Options) {
    let server = Worker(.http, on: options.address)
    setService(server, options)
    server.onMessage = { connection, request in
        var lines = ["\(request.method.name) \(request.target) \(request.version)"]
        for index in 0..<request.headers.count {
            lines.append("\(request.headers[index].name): \(request.headers[index].value)")
        }
        connection.send((lines + ["", request.body.string]).joined(separator: "\n"))
    }
}
