/// What the command line asks for. Arguments that are not Apus' own are left to the program.
struct Invocation {
    enum Command: String {
        case start, stop, restart, reload, status, connections, doctor, help
    }

    var command = Command.start
    var isDaemon = false
    var isGraceful = false
    var isQuiet = false
    var isJSON = false
    var isSingleProcess = false
    var backend: Backend?
    var pidFile: String?
    var logFile: String?
    var instance: String?

    struct UsageError: Error, CustomStringConvertible {
        let description: String
    }

    /// Reads the arguments, of which the first is the program.
    init(_ arguments: [String]) throws(UsageError) {
        var command: Command?
        var rest = arguments.dropFirst()
        while let argument = rest.popFirst() {
            if try readOption(argument, &rest) { continue }
            if argument == "--help" || argument == "-h" { command = command ?? .help }
            if command == nil { command = Command(rawValue: argument) }
        }
        guard let command else { throw UsageError(description: "no command was given") }
        self.command = command
    }

    /// False for an argument that is no option of Apus.
    private mutating func readOption(_ argument: String, _ rest: inout ArraySlice<String>) throws(UsageError) -> Bool {
        switch argument {
        case "-d", "--daemon": isDaemon = true
        case "-g", "--graceful": isGraceful = true
        case "-dg", "-gd": (isDaemon, isGraceful) = (true, true)
        case "-q", "--quiet": isQuiet = true
        case "--json": isJSON = true
        case "--single-process": isSingleProcess = true
        default:
            if let value = try Self.value(of: "--backend", argument, &rest) {
                backend = try Self.readBackend(value)
            } else if let value = try Self.value(of: "--pid-file", argument, &rest) {
                pidFile = value
            } else if let value = try Self.value(of: "--log-file", argument, &rest) {
                logFile = value
            } else if let value = try Self.value(of: "--instance", argument, &rest) {
                instance = try Self.readInstance(value)
            } else {
                return false
            }
        }
        return true
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

    /// An instance's name becomes part of file names.
    static func readInstance(_ text: String) throws(UsageError) -> String {
        let isFit = { (character: Character) in
            character.isASCII && (character.isLetter || character.isNumber || "-_.".contains(character))
        }
        guard let first = text.first, first != ".", first != "-", text.count <= 64, text.allSatisfy(isFit) else {
            throw UsageError(description: "--instance \(text): use letters, digits, - and _, at most 64")
        }
        return text
    }

    static let usage = """
        usage: \(ServiceSettings.executableName) <command> [options]

          start        run in the foreground; -d: detached from the terminal
          stop         stop; -g: let connections finish, however long it takes
          restart      stop, then start; takes the options of both
          reload       replace program and worker processes, without losing a request; -g: without a deadline
          status       show processes, connections and requests; -d: again each second; --json
          connections  show every connection; --json
          doctor       look for what keeps the service from running well

          -q                     no banner
          --instance NAME        one of several services of this program, with files of its own
          --backend NAME         libevent or epoll
          --pid-file FILE        where the master's process id and lock are kept
          --log-file FILE        where the log goes; - is standard error
          --single-process       everything in one process, for debugging

        exit status: 0 done, 1 not running, already running or cannot start, 2 the stop failed, 64 usage
        """
}
