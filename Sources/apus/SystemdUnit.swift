import ApusProtocols

/// The unit files that systemd runs a server by.
nonisolated struct SystemdUnit {
    /// The executable, with its whole path.
    var program: String
    /// For the program, before the command.
    var arguments: [String] = []
    /// What the service is called.
    var name: String
    /// Who it runs as; nil for root.
    var user: String?
    /// Seconds that connections may take to finish when the service is stopped.
    var stopTimeout = 30
    /// Open files per process.
    var openFiles = 1_048_576

    /// As systemd reads it: `%` and `$` stand for something else there, and blanks end a word.
    private static func quoted(_ word: String) -> String {
        let text = word.escaped {
            switch $0 {
            case "%": "%%"
            case "$": "$$"
            case "\\", "\"": "\\\($0)"
            default: nil
            }
        }
        return word.utf8.contains { " \t'\";".utf8.contains($0) } ? "\"\(text)\"" : text
    }

    /// The unit of the service.
    var service: String {
        let words = ([program] + arguments).map(Self.quoted).joined(separator: " ")
        let privileges =
            user.map { "User=\($0)\nAmbientCapabilities=CAP_NET_BIND_SERVICE\nNoNewPrivileges=true\n" } ?? ""
        return """
            [Unit]
            Description=\(name)
            After=network-online.target
            Wants=network-online.target

            [Service]
            Type=notify
            NotifyAccess=main
            ExecStart=\(words) start -q --pid-file /run/\(name)/\(name).pid --log-file -
            ExecReload=/bin/kill -USR1 $MAINPID
            # QUIT stops gracefully. Whoever is left after the time-out is killed.
            KillSignal=SIGQUIT
            KillMode=mixed
            TimeoutStopSec=\(stopTimeout)
            Restart=on-failure
            RuntimeDirectory=\(name)
            LimitNOFILE=\(openFiles)
            \(privileges)
            [Install]
            WantedBy=multi-user.target
            """
    }

    /// The unit of a socket that systemd opens for it.
    func socket(on address: String) -> String {
        """
        [Unit]
        Description=\(name) socket

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
