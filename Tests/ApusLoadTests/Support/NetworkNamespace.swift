import Foundation
import Testing

/// A host of a test's own: a network namespace, and names that only its programs know. It has no name of its own that
/// another test could have, too, and is gone with the process that holds it, which ends with the tests.
final class NetworkNamespace {
    /// Why namespaces cannot be made.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Whether the system lets this user make them, and connect them.
    static let canBeMade: Bool = {
        let links = "ip link add switch type bridge && ip link add port1 type veth peer name eth0"
        let result = try? RunningProgram("/usr/bin/unshare", ["--net", "--mount", "sh", "-c", links]).finish()
        return result?.status == 0
    }()

    let address: String
    private let holder = Process()
    private let input = Pipe()

    init(address: String) throws {
        self.address = address
        let output = Pipe()
        let errors = Pipe()
        holder.executableURL = URL(filePath: "/usr/bin/unshare")
        holder.arguments = ["--net", "--mount", "sh", "-c", "echo ready; exec cat"]
        holder.standardInput = input
        holder.standardOutput = output
        holder.standardError = errors
        try holder.run()
        guard
            try output.fileHandleForReading.read(upToCount: 6).map({ String(decoding: $0, as: UTF8.self) }) == "ready\n"
        else {
            let reason = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            throw Failure(description: "cannot make a network namespace: \(reason)")
        }
        try run("ip", "link", "set", "lo", "up")
    }

    deinit {
        kill(holder.processIdentifier, SIGKILL)
        holder.waitUntilExit()
    }

    /// What a command begins with that is to run in here.
    var entry: [String] { ["/usr/bin/nsenter", "-t", "\(holder.processIdentifier)", "-n", "-m", "--"] }

    /// Connects another host to this one, which is the switch between all that it is connected to.
    func connect(_ other: NetworkNamespace, port: String) throws {
        try run(
            "ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns",
            "\(other.holder.processIdentifier)")
        try run("ip", "link", "set", port, "master", "switch", "up")
        try other.run("ip", "address", "add", "\(other.address)/24", "dev", "eth0")
        try other.run("ip", "link", "set", "eth0", "up")
    }

    func becomeSwitch() throws {
        try run("ip", "link", "add", "switch", "type", "bridge")
        try run("ip", "address", "add", "\(address)/24", "dev", "switch")
        try run("ip", "link", "set", "switch", "up")
    }

    /// Takes the host off the network, without a word to those it is connected to.
    func vanish() throws { try run("ip", "link", "set", "eth0", "down") }

    /// Programs in here see an empty folder.
    func hide(_ folder: String) throws { try run("mount", "-t", "tmpfs", "none", folder) }

    /// Programs in here know these names.
    func know(hosts file: String) throws { try run("mount", "--bind", file, "/etc/hosts") }

    private func run(_ command: String...) throws {
        let result = try RunningProgram("/usr/bin/env", command, in: self).finish()
        guard result.status == 0 else {
            throw Failure(description: "\(command.joined(separator: " ")): \(result.errors)")
        }
    }
}

/// Four hosts on one network: a server's, two agents', and a coordinator's.
final class TestNetwork {
    static let serverAddress = "10.77.0.1"

    let server: NetworkNamespace
    let agents: [NetworkNamespace]
    let coordinator: NetworkNamespace
    let folder: URL

    init() throws {
        server = try NetworkNamespace(address: Self.serverAddress)
        agents = try [2, 3].map { try NetworkNamespace(address: "10.77.0.\($0)") }
        coordinator = try NetworkNamespace(address: "10.77.0.4")
        folder = FileManager.default.temporaryDirectory.appending(component: "apus-network-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try server.becomeSwitch()
        for (index, host) in (agents + [coordinator]).enumerated() { try server.connect(host, port: "port\(index)") }
        let hosts = "127.0.0.1 localhost\n10.77.0.1 server.test\n10.77.0.2 one.test\n10.77.0.3 two.test\n"
        try Data(hosts.utf8).write(to: folder.appending(component: "hosts"))
        try coordinator.know(hosts: folder.appending(component: "hosts").path)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }
}

/// `apus load agent`, as a test runs it.
final class RunningAgent {
    static let secret = ["APUS_LOAD_SECRET": "a secret that only tests use"]

    /// As `--agents` takes it.
    let address: String
    private let program: RunningProgram

    /// Listens on the namespace's address and asks for the tests' secret; without a namespace on loopback, for none.
    init(in namespace: NetworkNamespace? = nil, processes: Int = 1, environment: [String: String]? = nil) throws {
        program = try RunningProgram(
            Products.tool,
            ["load", "agent", "--listen", "\(namespace?.address ?? "127.0.0.1"):0", "-t", "\(processes)"],
            in: namespace,
            environment: environment ?? (namespace == nil ? [:] : Self.secret))
        let line = try #require(program.errorLine(with: "listening on "))
        let words = line.split(separator: " ")
        let place = try #require(words.firstIndex(of: "on"))
        address = String(words[place + 1].dropLast())
    }

    deinit { program.signal(SIGKILL) }

    /// The next line that holds `text`; nil when the agent has ended.
    func line(with text: String) -> String? { program.errorLine(with: text) }

    func signal(_ number: Int32) { program.signal(number) }

    /// Waits for the end.
    func finish() -> (status: Int32, output: String, errors: String) { program.finish() }
}
