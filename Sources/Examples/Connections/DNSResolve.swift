import Apus
import ApusClient

/// Answers each line with the addresses of the host that it names, or with what went wrong. Nobody waits for others'
/// lookups.
///
///     Examples DNSResolve start --text HOST:PORT [--server ADDRESS:PORT]
enum DNSResolve {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        var lookups = DNSOptions()
        if let server = options.value("server") { lookups.servers = [server] }
        let resolver = DNSResolver(lookups)
        let server = Worker(.text, on: try options.required("text"))
        server.onMessage = { connection, host in
            resolver.resolve(host) { result in
                switch result {
                case .success(let addresses): connection.send(addresses.joined(separator: " "))
                case .failure(let error): connection.send("ERROR \(error)")
                }
            }
        }
    }
}
