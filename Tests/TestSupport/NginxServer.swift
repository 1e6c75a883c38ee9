import Glibc

/// An nginx with one process on a Unix socket, which writes down each request. Gone with the last reference.
public final class NginxServer {
    private let folder: TemporaryFolder
    private let process: ServerProcess

    /// Where it listens.
    public var socket: String { folder.file("socket") }

    /// The requests in the order they ended: method, path with query, status, cookies, and body, which is there
    /// where it was passed on, and its length.
    public struct Request: Equatable {
        public let method: String
        public let path: String
        public let status: String
        public let cookies: String
        public let body: String
        public let bodyLength: Int?
        /// The number of the connection that it came on.
        public let connection: String
    }

    /// `locations` is what stands in the `server` block of its configuration. With TLS it shows the certificate for
    /// "localhost".
    public init(_ locations: String, isSecured: Bool = false) throws {
        let certificates = TestCertificates.shared
        let tls =
            isSecured
            ? """
            ssl_certificate \(certificates.certificate("localhost"));
            ssl_certificate_key \(certificates.key("localhost"));
            """ : ""
        folder = try TemporaryFolder()
        try writeText(
            """
            daemon off;
            user root;
            pid \(folder.file("pid"));
            error_log \(folder.file("errors"));
            worker_processes 1;
            events { worker_connections 1024; }
            http {
                log_format plain "$request_method $request_uri $status <$http_cookie> "
                    "<$request_body> <$content_length> <$connection>";
                access_log \(folder.file("requests")) plain;
                client_body_in_single_buffer on;
                client_body_temp_path \(folder.file("bodies"));
                proxy_temp_path \(folder.file("proxied"));
                fastcgi_temp_path \(folder.file("fastcgi"));
                uwsgi_temp_path \(folder.file("uwsgi"));
                scgi_temp_path \(folder.file("scgi"));
                keepalive_requests 1000000;
                server {
                    listen unix:\(folder.file("socket"))\(isSecured ? " ssl" : "");
                    \(tls)
                    \(locations)
                }
            }
            """, to: folder.file("configuration"))
        process = try ServerProcess("/usr/sbin/nginx", ["-c", folder.file("configuration")], in: folder)
        let socket = socket
        _ = try waitFor("nginx: \(process.errorText)") { try? Client(.unix(path: socket)) }
    }

    /// Ends it without giving it a chance to say so, its worker included.
    public func kill() throws {
        // The master first: it would start another worker.
        let workers = process.children
        process.signal(SIGKILL)
        for worker in workers { worker.kill() }
        _ = try process.waitForExit()
    }

    /// Ends it, and returns what it was asked.
    public func stop() throws -> [Request] {
        process.signal(SIGQUIT)
        _ = try process.waitForExit()
        for name in ["bodies", "proxied", "fastcgi", "uwsgi", "scgi"] {
            rmdir(folder.file(name))
        }
        return folder.text("requests").split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ", maxSplits: 3)
            let parts = line.split(separator: "<").dropFirst().map { $0.prefix { $0 != ">" } }
            guard words.count == 4, parts.count == 4 else { return nil }
            return Request(
                method: String(words[0]), path: String(words[1]), status: String(words[2]),
                cookies: parts[0] == "-" ? "" : String(parts[0]), body: parts[1] == "-" ? "" : String(parts[1]),
                bodyLength: Int(parts[2]), connection: String(parts[3]))
        }
    }
}

/// Calls `body` with an nginx of these locations; returns what that was asked.
@discardableResult
public func withNginx(_ locations: String, _ body: (NginxServer) throws -> Void) throws -> [NginxServer.Request] {
    let server = try NginxServer(locations)
    do {
        try body(server)
    } catch {
        _ = try? server.stop()
        throw error
    }
    return try server.stop()
}
