import ApusLoad
import ArgumentParser

/// `apus load`: the options, and nothing else.
struct LoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Put load on a server and measure how it does.",
        discussion: "apus load --help tells it topic by topic, with examples.",
        // They take a topic here.
        helpNames: [])

    @Argument(
        help: """
            http, https, ws, wss ://HOST[:PORT][/PATH][?QUERY]; text, frame, tcp, udp ://HOST:PORT. \
            Several URLs of one HTTP server are asked in turns.
            """)
    var urls: [String] = []

    @Option(help: "How often each URL is asked, compared with the others: 8,1,1.")
    var weights: String?

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

    @Option(help: "Open the connections evenly within so long.")
    var ramp: String?

    @Flag(help: "Open all connections, keep them idle for the duration, then ask once on each.")
    var hold = false

    @Option(help: "Local addresses of the connections, in turns: 127.0.1.1-127.0.1.9, 127.0.1.0/28.")
    var source: String?

    @Flag(help: "ws, text, frame: a message that is sent comes to all connections; needs a --rate.")
    var broadcast = false

    @Flag(help: "ws, text, frame: count what the server sends by itself, after the --body if there is one.")
    var receive = false

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

    @Option(
        help: "A CSV file whose first line has names: {{name}} in URLs, fields and body is a value of its next row.")
    var data: String?

    @Flag(help: "Each connection sends back the cookies it was given.")
    var cookies = false

    @Flag(help: "Go on where redirects lead, on the same server.")
    var followRedirects = false

    @Option(help: "Responses with another status are errors: 200, 2xx, 200-204, 200,404.")
    var expectStatus: String?

    @Option(help: "Responses without this in their body are errors: text, or @FILE.")
    var expectBody: String?

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

    @Option(
        parsing: .upToNextOption,
        help: "Compare JSON reports instead: A B, each a file or several runs as a1.json,a2.json.")
    var compare: [String] = []

    @Option(
        name: [.customShort("h"), .long], defaultAsFlag: LoadHelp.overview.rawValue,
        help: "Tell about a topic: \(LoadHelp.allCases.map(\.rawValue).joined(separator: ", ")).")
    var help: String?

    @Flag(name: .shortAndLong, help: "Tell nothing while it runs.")
    var quiet = false

    @OptionGroup
    var agents: LoadAgentsOptions

    @OptionGroup(visibility: .hidden)
    var habits: LoadHabits
}
