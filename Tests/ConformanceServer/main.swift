import Apus
import Glibc

/// The servers that the conformance and process tests talk to: each scenario is one, written as a user would.
///
///     ConformanceServer <scenario> <command> --listen ADDRESS [options]
let scenarios: [String: @MainActor (Options) -> Void] = [
    "puppet": { options in
        switch options["protocol"] {
        case "text": Puppet(.text, options) { String(repeating: "x", count: max(0, $0 - 1)) }.open()
        case "frame": Puppet(.frame, options) { pattern(max(0, $0 - 4)) }.open()
        case "counted": Puppet(Counted(), options) { String(repeating: "x", count: $0) }.open()
        case "marked": Puppet(Marked(), options) { String(repeating: "x", count: max(0, $0 - 1)) }.open()
        default: Puppet(.raw, options, payload: pattern).open()
        }
    },
    "echo": { options in
        switch options["protocol"] {
        case "text": echo(.text, options)
        case "frame": echo(.frame, options)
        default: echo(.raw, options)
        }
    },
    "async": asyncText,
    "async-client": asyncClient,
    "async-echo": asyncEcho,
    "bus": talkOverBus,
    "callbacks": callbacksOfTheirOwn,
    "redis": redisClient,
    "router": serveRouter,
    "routes": serveRoutes,
    "traces": serveTraces,
    "sessions": serveSessions,
    "stream": stream,
    "proxy": proxy,
    "upgrade": upgrade,
    "http": serveHTTP,
    "websocket": serveWebSocket,
    "websocket-client": openWebSockets,
    "websocket-routes": serveWebSocketRoutes,
    "reflect": reflect,
    "files": serveFiles,
    "site": serveSite,
    "failing": failing,
    "echoed-fields": echoFields,
    "loop": exerciseLoop,
    "inner": innerWorker,
    "udp": serveUDP,
    "udp-inner": innerUDPWorker,
]

let options = Options(CommandLine.arguments)
guard CommandLine.arguments.count > 1, let scenario = scenarios[CommandLine.arguments[1]] else {
    print("usage: ConformanceServer <scenario> <command> [options]; scenarios: \(scenarios.keys.sorted())")
    exit(64)
}
scenario(options)
Worker.runAll()
