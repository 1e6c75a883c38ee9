import ApusProtocols
import ArgumentParser

/// `apus systemd-unit`: prints the unit file for a server.
struct SystemdUnitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "systemd-unit",
        abstract: "Print a systemd unit for a server made with Apus.",
        discussion: """
            apus systemd-unit /opt/chat/server > /etc/systemd/system/chat.service
            systemctl daemon-reload && systemctl enable --now chat

            `systemctl reload` replaces program and processes without losing a request, `systemctl stop` lets \
            connections finish as long as --stop-timeout allows.
            """)

    @Argument(help: "The server's executable, with its whole path.")
    var program: String

    @Argument(help: "Arguments for the program, before the command.")
    var arguments: [String] = []

    @Option(help: "What the service is called. (default: the name of the executable)")
    var name: String?

    @Option(help: "The user that the service runs as; without it the service runs as root.")
    var user: String?

    @Option(help: "Seconds that connections may take to finish when the service is stopped.")
    var stopTimeout = 30

    @Option(help: "Open files, and with them connections, per process.")
    var openFiles = 1_048_576

    @Option(help: "Print the socket unit instead, for socket activation: an address such as 0.0.0.0:80.")
    var socket: String?

    func validate() throws {
        guard program.hasPrefix("/") else {
            throw ValidationError("\(program): systemd wants the whole path of the executable")
        }
        let words = [program] + arguments
        if let word = words.first(where: { $0.utf8.contains(UInt8(ascii: "\n")) }) {
            throw ValidationError("\(word) has a line break")
        }
    }

    func run() throws { print(socket.map(unit.socket) ?? unit.service) }

    private var unit: SystemdUnit {
        SystemdUnit(
            program: program, arguments: arguments,
            name: name ?? String(program.split(atASCII: "/").last ?? "server"),
            user: user, stopTimeout: stopTimeout, openFiles: openFiles)
    }
}
