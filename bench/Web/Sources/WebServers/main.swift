import Apus
import ApusWeb

/// The servers that ../../EndToEnd/web.py compares: `WebServers start --serve handler|router --on ADDRESS`.
func option(_ name: String, or standard: String) -> String {
    guard let index = CommandLine.arguments.firstIndex(of: "--\(name)"), index + 1 < CommandLine.arguments.count else {
        return standard
    }
    return CommandLine.arguments[index + 1]
}

struct Message: Encodable {
    var message = "Hello, World!"
}

/// What readers that stall do not take, in each way of sending it.
enum Large {
    static let size = 50_000_000
    /// Made when it is first asked for: only attacks are interested in it.
    static let bytes = [UInt8](repeating: 0x61, count: size)
}

func sendLarge(_ connection: Connection<HTTP>, _ request: HTTPRequest) {
    if request.pathIs("/large/memory") {
        connection.send(Large.bytes)
    } else if request.pathIs("/large/pieces") {
        connection.run {
            let body = try connection.startResponse(contentLength: Large.size)
            for _ in 0..<800 { try await body.write([UInt8](repeating: 0x61, count: 62_500)) }
            body.end()
        }
    } else {
        connection.send(file: option("file", or: "/dev/null"), for: request)
    }
}

let server = Worker(
    HTTP(forms: FormOptions(temporaryFolder: option("temporary", or: "/tmp"))),
    on: option("on", or: "127.0.0.1:8080"))

if option("serve", or: "handler") == "router" {
    let router = Router()
    var requests = 0
    router.use(
        Middleware(before: { _ in
            requests += 1
            return nil
        }))
    router.use(Middleware(after: { $1.headers.add("X-Frame-Options", "DENY") }))
    router.get("/") { _ in HTTPResponse(headers: ["Content-Type": "text/plain"], body: "Hello, World!") }
    router.get("/users/:id") { request in
        HTTPResponse(headers: ["Content-Type": "text/plain"], body: request.parameters["id"] ?? "")
    }
    router.get("/json") { _ in try HTTPResponse(json: Message()) }
    router.get("/async") { _ in
        await Task.yield()
        return HTTPResponse(headers: ["Content-Type": "text/plain"], body: "Hello, World!")
    }
    server.serve(router)
} else {
    server.onMessage = { connection, request in
        if request.pathIs("/json") {
            try connection.send(json: Message())
        } else if request.pathIs("/response") {
            connection.send(HTTPResponse(headers: ["Content-Type": "text/plain"], body: "Hello, World!"))
        } else if request.pathIs("/upload") {
            connection.run {
                try await request.receiveForm()
                connection.send("\(try request.files.first?.size ?? 0)", contentType: .plainText)
            }
        } else if request.pathIs("/save") {
            connection.run {
                connection.send("\(try await request.saveBody(to: option("temporary", or: "/tmp") + "/saved"))")
            }
        } else if request.path.hasPrefix("/large/") {
            sendLarge(connection, request)
        } else {
            connection.send("Hello, World!", contentType: .plainText)
        }
    }
    server.bodyPolicy = { request in
        request.pathIs("/upload") || request.pathIs("/save") ? .stream(upTo: 8 << 30) : nil
    }
}
Worker.runAll()
