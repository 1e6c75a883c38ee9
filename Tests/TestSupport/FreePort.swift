/// Starts a server that cannot be told to take any free port, on one that was free a moment ago, and waits until it
/// accepts connections.
public func startServer(
    _ program: String, in folder: TemporaryFolder, _ arguments: (_ port: String) throws -> [String]
) throws -> (process: ServerProcess, port: String) {
    for _ in 0..<20 {
        let endpoint = try Acceptor("ipv4", in: folder).endpoint
        let port = "\(endpoint)".split(separator: ":").last.map(String.init)!
        let process = try ServerProcess(program, try arguments(port), in: folder)
        if eventually({ !process.isRunning || (try? Client(endpoint)) != nil }), process.isRunning {
            return (process, port)
        }
    }
    throw Failure("\(program) does not start")
}
