/// What the command line asks for. Arguments that are not Apus' own are left to the program.
struct Invocation {
    enum Command: String {
        case start, stop, restart, reload, status
    }

    var command = Command.start
    var isDaemon = false
    var isGraceful = false
    var isQuiet = false
    var isSingleProcess = false
    var backend: Backend?
    var pidFile: String?
    var logFile: String?

    struct UsageError: Error, CustomStringConvertible {
        let description: String
    }

    /// Reads the arguments, of which the first is the program.
    init(_ arguments: [String]) throws(UsageError) {
        var command: Command?
        var rest = arguments.dropFirst()
        while let argument = rest.popFirst() {
            switch argument {
            case "-d", "--daemon": isDaemon = true
            case "-g", "--graceful": isGraceful = true
            case "-q", "--quiet": isQuiet = true
            case "--single-process": isSingleProcess = true
            default:
                if command == nil, let known = Command(rawValue: argument) {
                    command = known
                } else if let value = try Self.value(of: "--backend", argument, &rest) {
                    backend = try Self.readBackend(value)
                } else if let value = try Self.value(of: "--pid-file", argument, &rest) {
                    pidFile = value
                } else if let value = try Self.value(of: "--log-file", argument, &rest) {
                    logFile = value
                }
            }
        }
        guard let command else { throw UsageError(description: "no command was given") }
        self.command = command
    }

    /// The value of `--option VALUE` or `--option=VALUE`, nil when `argument` is something else.
    private static func value(
        of option: String, _ argument: String, _ rest: inout ArraySlice<String>
    ) throws(UsageError) -> String? {
        if argument.hasPrefix(option + "=") { return String(argument.dropFirst(option.count + 1)) }
        guard argument == option else { return nil }
        guard let value = rest.popFirst() else { throw UsageError(description: "\(option) needs a value") }
        return value
    }

    private static func readBackend(_ text: String) throws(UsageError) -> Backend {
        guard let backend = Backend(rawValue: text) else {
            throw UsageError(description: "--backend \(text): it can be libevent or epoll")
        }
        return backend
    }

    static let usage = """
        usage: \(ServiceSettings.executableName) <command> [options]

          start      run in the foreground; -d: detached from the terminal
          stop       stop; -g: let connections finish, however long it takes
          restart    stop, then start; takes the options of both
          reload     replace the worker processes one by one, without losing a request; -g: without a deadline
          status     show processes, connections and requests

          -q                     no banner
          --backend NAME         libevent or epoll
          --pid-file FILE        where the master's process id and lock are kept
          --log-file FILE        where the log goes
          --single-process       everything in one process, for debugging
        """
}
