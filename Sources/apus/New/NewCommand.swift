import ArgumentParser

/// `apus new`: the options, and nothing else.
struct NewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Make the package of a new server, with tests, a systemd unit and a container file.",
        discussion: """
            apus new shop                                 an HTTP server in the folder shop
            apus new chat --template websocket            a page and WebSockets on one port
            apus new meter --template tcp --path ~/meter  a protocol of its own over TCP, elsewhere

            Templates: http (a router, JSON, errors), websocket (a chat with rooms), tcp (a protocol with its codec), \
            full (HTTP, WebSocket, a timer, a counter that all processes share, settings, metrics).

            `swift run NAME start` starts it and `swift test` tests it. Nothing is ever overwritten, and what cannot \
            be made whole leaves nothing behind.
            """)

    @Argument(help: "What the package and its program are called: letters, digits, - and _.")
    var name: String

    @Option(name: .shortAndLong, help: "http, websocket, tcp or full.")
    var template = ProjectTemplate.http

    @Option(help: "The folder that it is made in, empty or missing. (default: NAME)")
    var path: String?

    @Option(
        help: """
            Where the package gets Apus from: a URL, or the folder of a checkout. \
            (default: the checkout that this tool was built in)
            """)
    var apus: String?

    @Option(help: "With a URL: the least version. (default: that of this tool)")
    var apusVersion: String?

    @Option(help: "With a URL: a branch instead of a version.")
    var apusBranch: String?
}
