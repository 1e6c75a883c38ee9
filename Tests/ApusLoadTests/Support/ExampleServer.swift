import Foundation
import Testing

import class TestSupport.TestCertificates

/// The `AllProtocols` example as a supervised server with one worker, which counts its requests.
final class ExampleServer {
    let url: String
    /// The socket that it listens on, if that is a Unix socket.
    let unixPath: String?
    private let program: RunningProgram
    private let folder: URL

    /// `option` names what is served: `http`, `https`, `text` and so on; `more` are options of the `example`.
    init(
        onUnixSocket: Bool = false, _ option: String = "http", example: String = "AllProtocols", _ more: [String] = [],
        on host: String = "127.0.0.1", in namespace: NetworkNamespace? = nil
    ) throws {
        folder = FileManager.default.temporaryDirectory.appending(component: "apus-load-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let files = Self.files(in: folder)
        unixPath = onUnixSocket ? folder.appending(component: "socket").path : nil
        let address = unixPath.map { "unix:" + $0 } ?? "\(host):0"
        var arguments = [example, "start", "--backend", "epoll", "--\(option)", address] + more
        if option.hasSuffix("s") {
            arguments += ["--cert", TestCertificates.shared.certificate("localhost")]
            arguments += ["--key", TestCertificates.shared.key("localhost")]
        }
        program = try RunningProgram(Products.examples, arguments + files, in: namespace)
        if onUnixSocket {
            url = "http://localhost/"
        } else {
            // The banner tells the port that the kernel chose; what stands before it may name others.
            _ = try #require(program.line(with: " WORKERS "))
            let line = try #require(program.line(with: "://\(host):"))
            let listen = String(try #require(line.split(separator: " ").first { $0.contains("://") }))
            let authority = listen.drop { $0 != ":" }.dropFirst(3)
            let scheme = ["websocket": "ws"][option] ?? option
            url = "\(scheme)://\(authority)/"
        }
        _ = try #require(program.line(with: "Start success"))
    }

    /// Requests that the server says it has served.
    func requestCount() throws -> Int {
        let status = try RunningProgram(Products.examples, ["AllProtocols", "status"] + Self.files(in: folder)).finish()
        let lines = status.output.split(separator: "\n").map { $0.split(whereSeparator: \.isWhitespace) }
        let titles = try #require(lines.first { $0.contains("total_request") })
        let column = try #require(titles.firstIndex(of: "total_request"))
        let summary = try #require(lines.first { $0.first == "Summary" })
        return try #require(Int(summary[column]))
    }

    func stop() {
        program.signal(SIGTERM)
        _ = program.finish()
        try? FileManager.default.removeItem(at: folder)
    }

    private static func files(in folder: URL) -> [String] {
        ["--pid-file", folder.appending(component: "pid").path, "--log-file", folder.appending(component: "log").path]
    }
}

/// Calls `body` with a server that runs meanwhile.
func withExampleServer(
    onUnixSocket: Bool = false, _ option: String = "http", example: String = "AllProtocols", _ more: [String] = [],
    _ body: (ExampleServer) throws -> Void
) throws {
    let server = try ExampleServer(onUnixSocket: onUnixSocket, option, example: example, more)
    defer { server.stop() }
    try body(server)
}
