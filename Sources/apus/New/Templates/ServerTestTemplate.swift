/// What the tests of a new package start and talk with.
nonisolated enum ServerTestTemplate {
    static let runningServer = ##"""
        import Foundation
        import Glibc

        /// The program itself, as its users start it, with its master and its workers, on ports that the system
        /// chooses. It ends with the last reference.
        final class RunningServer {
            /// The port of each worker, in the order of `setUp`.
            let ports: [UInt16]
            private let process = Process()
            private let folder: URL

            init(_ arguments: String...) throws {
                folder = FileManager.default.temporaryDirectory.appendingPathComponent("{{name}}-\(UUID().uuidString)")
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
                // Files of its own, so that it may run beside one that is used.
                let files = ["--pid-file", folder.path + "/pid", "--log-file", folder.path + "/log"]
                let output = Pipe()
                process.executableURL = Self.program
                process.arguments = ["start", "--listen", "127.0.0.1:0"] + files + arguments
                process.standardOutput = output
                process.standardError = FileHandle.nullDevice
                try process.run()
                do {
                    ports = try Self.readBanner(output.fileHandleForReading.fileDescriptor)
                } catch {
                    process.interrupt()
                    throw Failure("the server did not start: \(error). Its log: \(Self.log(in: folder))")
                }
            }

            /// What it has written to its log.
            var log: String { Self.log(in: folder) }

            private static func log(in folder: URL) -> String {
                (try? String(contentsOfFile: folder.path + "/log", encoding: .utf8)) ?? ""
            }

            deinit {
                process.interrupt()
                process.waitUntilExit()
                try? FileManager.default.removeItem(at: folder)
            }

            /// It stands beside the program of the tests.
            static var program: URL {
                URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
                    .appendingPathComponent("{{name}}")
            }

            /// The addresses in what it prints when all workers accept connections.
            private static func readBanner(_ fd: Int32) throws -> [UInt16] {
                var text = ""
                var block = [UInt8](repeating: 0, count: 4096)
                while !text.contains("Start success") {
                    var query = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
                    guard poll(&query, 1, 30_000) > 0 else { throw Failure("it says nothing") }
                    let count = read(fd, &block, block.count)
                    guard count > 0 else { throw Failure("it ended, and said: \(text)") }
                    text += String(decoding: block[..<count], as: UTF8.self)
                }
                return text.matches(of: /:\/\/127\.0\.0\.1:(\d+)/).compactMap { UInt16($0.output.1) }
            }
        }

        /// Why a test cannot go on.
        struct Failure: Error, CustomStringConvertible {
            let description: String

            init(_ description: String) { self.description = description }
        }
        """##

    static let client = ##"""
        import Glibc

        /// A connection to the server, with calls that wait for what they ask for, half a minute at most.
        final class Client {
            private let fd: Int32
            private var received: [UInt8] = []

            init(port: UInt16) throws {
                fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
                var patience = timeval(tv_sec: 30, tv_usec: 0)
                setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout.size(ofValue: patience)))
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_port = port.bigEndian
                address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian  // 127.0.0.1
                let result = withUnsafeBytes(of: &address) { bytes in
                    connect(fd, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(bytes.count))
                }
                guard result == 0 else { throw Failure("connect: \(String(cString: strerror(errno)))") }
            }

            deinit { close(fd) }

            func send(_ bytes: [UInt8]) throws {
                var rest = bytes[...]
                while !rest.isEmpty {
                    let count = rest.withUnsafeBytes { Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                    guard count > 0 else { throw Failure("send: \(String(cString: strerror(errno)))") }
                    rest = rest.dropFirst(count)
                }
            }

            /// The next `count` bytes.
            func read(_ count: Int) throws -> [UInt8] {
                while received.count < count { try receive() }
                defer { received.removeFirst(count) }
                return Array(received[..<count])
            }

            /// The next line, without its end.
            func readLine() throws -> String {
                while true {
                    if let end = received.firstIndex(of: 0x0A) {
                        defer { received.removeFirst(end + 1) }
                        let line = String(decoding: received[..<end], as: UTF8.self)
                        return line.hasSuffix("\r") ? String(line.dropLast()) : line
                    }
                    try receive()
                }
            }

            /// Whether the server has closed the connection, without sending anything more.
            func isClosed() -> Bool {
                var byte: UInt8 = 0
                let count = recv(fd, &byte, 1, 0)
                return received.isEmpty && (count == 0 || count < 0 && errno == ECONNRESET)
            }

            private func receive() throws {
                var block = [UInt8](repeating: 0, count: 4096)
                let count = recv(fd, &block, block.count, 0)
                guard count >= 0 else { throw Failure("receive: \(String(cString: strerror(errno)))") }
                guard count > 0 else { throw Failure("the server has closed the connection") }
                received += block[..<count]
            }
        }
        """##

    static let httpClient = ##"""
        extension Client {
            /// What the server answers.
            struct Response {
                let status: Int
                /// Names in lower case.
                let headers: [String: String]
                let body: String
            }

            /// Sends a request and waits for the answer. The connection stays open for the next one.
            func ask(_ method: String, _ target: String, json: String? = nil) throws -> Response {
                var head = "\(method) \(target) HTTP/1.1\r\nHost: test\r\n"
                if let json { head += "Content-Type: application/json\r\nContent-Length: \(json.utf8.count)\r\n" }
                try send(Array("\(head)\r\n\(json ?? "")".utf8))
                return try readResponse()
            }

            func readResponse() throws -> Response {
                let status = try readLine().split(separator: " ")
                var headers: [String: String] = [:]
                while true {
                    let line = try readLine()
                    if line.isEmpty { break }
                    guard let colon = line.firstIndex(of: ":") else { throw Failure("no field: \(line)") }
                    headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
                }
                let body = try read(headers["content-length"].flatMap { Int($0) } ?? 0)
                return Response(
                    status: status.count > 1 ? Int(status[1]) ?? 0 : 0, headers: headers,
                    body: String(decoding: body, as: UTF8.self))
            }
        }
        """##

    static let webSocketClient = ##"""
        extension Client {
            /// Opens a WebSocket, and returns the status of the answer: 101 if it is open.
            func openWebSocket(_ target: String) throws -> Int {
                let request = """
                    GET \(target) HTTP/1.1\r
                    Host: test\r
                    Connection: Upgrade\r
                    Upgrade: websocket\r
                    Sec-WebSocket-Version: 13\r
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
                    \r\n
                    """
                try send(Array(request.utf8))
                return try readResponse().status
            }

            /// Sends a message of text: a client's frame has a mask, which may be zero.
            func sendText(_ text: String) throws {
                let bytes = Array(text.utf8)
                precondition(bytes.count < 126, "longer messages have other heads")
                try send([0x81, 0x80 | UInt8(bytes.count), 0, 0, 0, 0] + bytes)
            }

            /// The next message of text.
            func readText() throws -> String {
                let head = try read(2)
                guard head[0] == 0x81 else { throw Failure("no text but a frame of kind \(head[0] & 0x0F)") }
                var count = Int(head[1])
                if count == 126 { count = try read(2).reduce(0) { $0 << 8 | Int($1) } }
                return String(decoding: try read(count), as: UTF8.self)
            }
        }
        """##
}
