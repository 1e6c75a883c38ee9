public import Apus

/// A server for the files of one or several hosts, with room for answers of your own.
///
///     let site = WebServer(on: "0.0.0.0:8080")
///     site.host("example.com", root: "/srv/www")
///     site.worker.count = 4
///     Worker.runAll()
///
/// A request is answered by the first of `before`, the host's files and `fallback` that has an answer, else with the
/// host's 404.
public final class WebServer {
    /// The worker behind it: its `count`, `user`, `limits` and so on. `onMessage`, `onWorkerStart` and `onWorkerStop`
    /// are taken; use those of the server.
    public let worker: Worker<HTTP>
    /// Called once in each process, before it accepts its first connection.
    public var onWorkerStart: (@MainActor (Worker<HTTP>) throws -> Void)?
    /// Called when the process stops, before its connections are closed.
    public var onWorkerStop: (@MainActor (Worker<HTTP>) throws -> Void)?
    /// Answers requests before files are looked for; nil leaves a request to them. What it throws is answered as
    /// `HTTPError` says.
    public var before: (@MainActor (HTTPRequest) throws -> HTTPResponse?)?
    /// Answers requests for which there is no file; nil leaves a request to the host's 404.
    public var fallback: (@MainActor (HTTPRequest) throws -> HTTPResponse?)?
    /// Told of each request that was answered, when its response is on its way.
    public var onAccess: (@MainActor (AccessRecord) -> Void)?
    /// Where requests are logged; nil, unless set, for nowhere.
    public var accessLog: AccessLog?
    private var files: [String: StaticFiles] = [:]
    private var firstFiles: StaticFiles?

    /// A server on `host:port`, `[v6]:port` or `unix:/path`, over TLS if that is given; see `Worker`.
    public init(on address: String?, tls: TLSOptions? = nil, _ http: HTTP = .http) {
        worker = Worker(http, on: address, tls: tls)
        worker.name = "WebServer"
        worker.onWorkerStart = { [unowned self] worker in
            try checkRoots()
            try onWorkerStart?(worker)
        }
        worker.onWorkerStop = { [unowned self] worker in
            defer { accessLog?.flush() }
            try onWorkerStop?(worker)
        }
        worker.onMessage = { [unowned self] connection, request in
            let response: HTTPResponse
            do {
                response = try self.response(to: request)
            } catch let error as HTTPError where error.status.code < 500 {
                response = error.response
            }
            if isLogging { note(AccessRecord(connection, request, response)) }
            connection.send(response)
        }
        Self.all.append(self)
    }

    nonisolated deinit {}

    /// Workers call back for as long as the program runs.
    private static var all: [WebServer] = []

    // MARK: Hosts

    /// Serves a folder to clients that ask for `name`, a host without port; case does not matter. The first host gets
    /// the requests for all others as well.
    @discardableResult
    public func host(
        _ name: String, root: String, _ options: StaticFileOptions = StaticFileOptions()
    ) -> StaticFiles {
        let files = StaticFiles(root, options)
        host(name, files)
        return files
    }

    /// Serves files to clients that ask for `name`: see `host(_:root:_:)`.
    public func host(_ name: String, _ files: StaticFiles) {
        self.files[name.lowercased()] = files
        if firstFiles == nil { firstFiles = files }
    }

    private func files(for request: HTTPRequest) -> StaticFiles? {
        guard files.count > 1 else { return firstFiles }
        return files[request.hostName.lowercased()] ?? firstFiles
    }

    private func checkRoots() throws {
        guard !files.isEmpty else {
            throw StaticFilesError("it serves no folder: call host(_:root:) before runAll")
        }
        for root in Set(files.values.map(\.root)).sorted() { try StaticFiles.check(root) }
    }

    // MARK: Requests

    /// Answers through `router` what it has routes for, and otherwise as without it; its middleware is around both.
    /// Routes and middleware that are added to it later do not count.
    public func serve(_ router: Router) {
        router.notFound = RequestHandler { [unowned self] request in try response(to: request) }
        router.surround(
            with: Middleware(after: { [unowned self] request, response in
                if isLogging { note(AccessRecord(request.connection, request, response)) }
            }))
        worker.serve(router)
    }

    private var isLogging: Bool { onAccess != nil || accessLog != nil }

    /// The answer to a request.
    public func response(to request: HTTPRequest) throws -> HTTPResponse {
        if let response = try before?(request) { return response }
        let files = files(for: request)
        if let response = files?.response(to: request) { return response }
        if let response = try fallback?(request) { return response }
        return files?.notFound(for: request) ?? HTTPResponse(page: .notFound)
    }

    private func note(_ record: AccessRecord) {
        onAccess?(record)
        accessLog?.write(record)
    }
}
