import Apus

@testable import ApusWeb

/// A router that is asked without a server around it.
struct RouterProbe {
    private let table: RouteTable

    init(_ middleware: Middleware..., configure: (Router) -> Void) {
        let router = Router()
        for layer in middleware { router.use(layer) }
        configure(router)
        table = router.makeTable()
    }

    /// One whose only path is "/", with a handler that answers at once.
    init(_ middleware: Middleware, _ handler: @escaping @MainActor (HTTPRequest) throws -> HTTPResponse) {
        self.init(middleware) { $0.get("/", handler) }
    }

    /// The answer to a request line, of HTTP/1.1, with fields.
    func answer(_ line: String, _ fields: String..., body: [UInt8] = []) async -> HTTPResponse {
        let request = TestRequest(lines: ["\(line) HTTP/1.1"] + fields, body: body).request
        return await table.handler(for: request).respond(to: request)
    }

    /// Whether the handler for a path answers at once.
    func isImmediate(_ line: String) -> Bool {
        if case .immediate = table.handler(for: TestRequest("\(line) HTTP/1.1").request) { true } else { false }
    }
}

extension HTTPResponse {
    /// The body as text.
    var text: String { String(decoding: body, as: UTF8.self) }
}
