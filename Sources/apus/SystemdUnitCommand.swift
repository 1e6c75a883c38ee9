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
        if let word = words.first(where: { $0.contains("\n") }) { throw ValidationError("\(word) has a line break") }
    }

    func run() throws { print(socket.map(socketUnit) ?? serviceUnit) }

    private var service: String { name ?? String(program.split(separator: "/").last ?? "server") }

    /// As systemd reads it: `%` and `$` stand for something else there, and blanks end a word.
    private static func quoted(_ word: String) -> String {
        var text = ""
        for character in word {
            switch character {
            case "%": text += "%%"
            case "$": text += "$$"
            case "\\", "\"": text += "\\\(character)"
            default: text.append(character)
            }
        }
        return word.contains { " \t'\";".contains($0) } ? "\"\(text)\"" : text
    }

    private var serviceUnit: String {
        let words = ([program] + arguments).map(Self.quoted).joined(separator: " ")
        let privileges =
            user.map { "User=\($0)\nAmbientCapabilities=CAP_NET_BIND_SERVICE\nNoNewPrivileges=true\n" } ?? ""
        return """
            [Unit]
            Description=\(service)
            After=network-online.target
            Wants=network-online.target

            [Service]
            Type=notify
            NotifyAccess=main
            ExecStart=\(words) start -q --pid-file /run/\(service)/\(service).pid --log-file -
            ExecReload=/bin/kill -USR1 $MAINPID
            # QUIT stops gracefully. Whoever is left after the time-out is killed.
            KillSignal=SIGQUIT
            KillMode=mixed
            TimeoutStopSec=\(stopTimeout)
            Restart=on-failure
            RuntimeDirectory=\(service)
            LimitNOFILE=\(openFiles)
            \(privileges)
            [Install]
            WantedBy=multi-user.target
            """
    }

    private func socketUnit(_ address: String) -> String {
        """
        [Unit]
        Description=\(service) socket

        [Socket]
        ListenStream=\(address)
        Backlog=65535
        NoDelay=true
        ReusePort=false

        [Install]
        WantedBy=sockets.target
        """
    }
}
