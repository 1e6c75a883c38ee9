import ApusLoad
import ArgumentParser

/// `apus load`: the options, and nothing else.
struct LoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Put load on a server and measure how it does.",
        discussion: LoadHelp.discussion)

    @Argument(
        help:
            "http, https, ws, wss ://HOST[:PORT][/PATH][?QUERY]; text, frame, tcp ://HOST:PORT. HOST is an address."
    )
    var url: String?

    @Option(
        name: [.customShort("c", allowingJoined: true), .long], help: "Connections that are open at the same time.")
    var connections = 64

    @Option(
        name: [.customShort("d", allowingJoined: true), .long, .customLong("step-duration")],
        help: "How long, or how long each step: 500ms, 10s, 2m. (default: 10s without --requests)")
    var duration: String?

    @Option(name: [.customShort("n", allowingJoined: true), .long], help: "How many requests, exactly.")
    var requests: Int?

    @Option(
        name: [.customShort("R", allowingJoined: true), .long],
        help: "Requests a second, whatever the server does: 500, 10k.")
    var rate: String?

    @Option(help: "How requests of a rate follow: constant, or poisson for at random.")
    var arrivals = "constant"

    @Option(help: "Rates one after the other, to find what is too much: 1k,2k,5k.")
    var steps: String?

    @Option(help: "So long the same load before anything is measured.")
    var warmUp: String?

    @Option(
        name: [.customShort("t", allowingJoined: true), .long],
        help: "Processes that put on the load; one keeps one core busy.")
    var threads = 1

    @Flag(name: .customLong("no-keepalive"), help: "A new connection for each request.")
    var noKeepAlive = false

    @Option(help: "Requests sent at once on a connection.")
    var pipeline = 1

    @Option(
        name: [.customShort("H"), .long], parsing: .unconditionalSingleValue,
        help: "A header field, 'Name: value'; may be repeated.")
    var header: [String] = []

    @Option(name: .shortAndLong, help: "The method. (default: GET, or POST with a body)")
    var method: String?

    @Option(help: "The body: text, @FILE, or - for standard input.")
    var body: String?

    @Option(help: "How long a response or a connect may take.")
    var timeout = "5s"

    @Flag(help: "https: take any certificate.")
    var insecure = false

    @Option(help: "https: the authorities of the server's certificate, a PEM file.")
    var cacert: String?

    @Option(help: "https: the name to ask for. (default: the URL's host)")
    var sni: String?

    @Flag(help: "https: a whole handshake for each connection.")
    var noResumption = false

    @Option(help: "Connect to this Unix socket.")
    var unix: String?

    @Option(defaultAsFlag: "-", help: "Write the report as JSON, instead of as text or into a file.")
    var json: String?

    @Option(help: "Write the report as a page with plots.")
    var html: String?

    @Option(help: "Write the run second by second, as CSV.")
    var csv: String?

    @Option(help: "Write the distribution of the latencies for HdrHistogram's plotters.")
    var hgrm: String?

    @Option(
        parsing: .unconditionalSingleValue,
        help: "End with status 2 if so: 'p99>20ms', 'errors>0.1%', 'rate<5k'; may be repeated.")
    var failIf: [String] = []

    @Flag(name: .shortAndLong, help: "No progress line.")
    var quiet = false

    @OptionGroup(visibility: .hidden)
    var habits: LoadHabits
}
