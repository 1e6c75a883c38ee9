import Apus
import ApusWeb

/// Files of requests that were kept.
private var keptFiles: [UploadedFile] = []

/// What a body of JSON is decoded as.
private struct Order: Decodable {
    var name: String
    var count: Int
}

/// Routes that look into requests; false when the path is none of them.
func answerRequestRoute(_ connection: Connection<HTTP>, _ request: HTTPRequest) throws -> Bool {
    switch request.path {
    case "/query": connection.send(lines(request.queryParameters.map { "\($0.name)=\($0.value)" }))
    case "/cookies": connection.send(lines(request.cookies.map { "\($0.name)=\($0.value)" }))
    case "/form":
        let files = try request.files.map { "\($0.name): \($0.clientName) \($0.size)" }
        connection.send(lines(try request.form.map { "\($0.name)=\($0.value)" } + files))
    case "/json":
        let order: Order = try request.json()
        connection.send("\(order.name) \(order.count)")
    case "/json-async":
        connection.run {
            await Task.yield()
            let order: Order = try request.json()
            connection.send("\(order.name) \(order.count)")
        }
    case "/number": connection.send("\(try request.queryParameters.require("n", as: Int.self) + 1)")
    case "/refuse":
        throw HTTPError(
            HTTPStatus(code: Int(request.query) ?? 403, reason: "No"), "not for you", headers: ["Retry-After": "7"])
    case "/upload": connection.send(try request.files[0].temporaryPath)
    case "/save":
        try request.files[0].move(to: request.queryParameters.require("to"))
        connection.send("saved")
    case "/keep-file":
        keptFiles = Array(try request.files)
        connection.send(try keptFiles[0].temporaryPath)
    case "/kept-file": connection.send(try keptFiles[0].bytes)
    case "/drop-file":
        keptFiles = []
        connection.send("dropped")
    default: return false
    }
    return true
}

private func lines(_ lines: [String]) -> String { lines.joined(separator: "\n") }
