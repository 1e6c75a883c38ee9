import Apus

/// A client that answers every message with itself: the client's side of the Autobahn test suite.
///
///     Examples WebSocketEcho --to ws://HOST:PORT [--backend NAME] [--authority FILE]
///
/// The suite says how many cases there are, and opens a connection for each. `--authority` has the certificate that
/// vouches for a server behind wss://. See Tests/Autobahn.
enum WebSocketEcho {
    private static let name = "Apus"

    static func answer(_ arguments: [String]) throws {
        let options = Options(arguments)
        let address = try options.required("to")
        var connect = ConnectOptions()
        connect.limits.maxPackageSize = 32 << 20
        connect.limits.maxSendBufferSize = 64 << 20
        if let authority = options.value("authority") {
            var tls = TLSClientOptions()
            tls.authoritiesFile = authority
            connect.tls = tls
        }
        let backend = try options.value("backend").map { name in
            guard let backend = Backend(rawValue: name) else { throw OptionError(description: "no backend \(name)") }
            return backend
        }
        try EventLoop.run(backend: backend ?? .libevent) { [connect] in
            let count = try await ask(address + "/getCaseCount", connect).flatMap { Int($0) } ?? 0
            for number in 1...max(1, count) {
                try await echo("\(address)/runCase?case=\(number)&agent=\(name)", connect)
            }
            _ = try await ask("\(address)/updateReports?agent=\(name)", connect)
            print("\(count) cases")
        }
    }

    private static let webSocket = WebSocket.ws(compression: .permessageDeflate)

    /// The first message of a connection; nil when there is none.
    private static func ask(_ address: String, _ options: ConnectOptions) async throws -> String? {
        let connection = try await Connection.connect(webSocket, to: address, options: options)
        return try await connection.nextMessage()?.text
    }

    private static func echo(_ address: String, _ options: ConnectOptions) async throws {
        let connection = try await Connection.connect(webSocket, to: address, options: options)
        for try await message in connection.messages { connection.send(message) }
    }
}
