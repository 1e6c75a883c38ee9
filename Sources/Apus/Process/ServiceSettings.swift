import ApusProtocols
import CApus

/// What can be set for the program as a whole, before `runAll`.
struct ServiceSettings {
    var pidFile: String?
    var logFile: String?
    var stdoutFile = "/dev/null"
    /// Tells several services of one executable apart.
    var instance: String?
    var daemonize = false
    var isQuiet = false
    var stopTimeout = 2.0
    var drainTimeout = 30.0
    var gracefulTimeout: Double?
    /// Nil: as the first process of a container.
    var sigtermIsGraceful: Bool?
    var backend = Backend.libevent
    /// Where the counters can be fetched from.
    var metricsAddress: String?
    /// A command that an embedding program gives in place of a command line.
    var command = ""
    /// Commands and options are looked for among the program's arguments.
    var readsCommandLine = true

    var onMasterReload: (@MainActor () throws -> Void)?
    var onMasterStop: (@MainActor () throws -> Void)?
    var onWorkerExit: (@MainActor (WorkerBase, Int32, Int32) throws -> Void)?

    /// The executable's file.
    static let executablePath: String = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
        capus_executable_path(buffer.baseAddress!, 4096) == 0
            ? String(cString: buffer.baseAddress!) : CommandLine.arguments[0]
    }

    /// The executable under the name it was started by, links included: a deployment that switches a link is seen by
    /// `reload`. A name that was looked up in PATH says too little.
    static let launchPath: String = {
        let name = CommandLine.arguments.first ?? ""
        guard name.contains("/") else { return executablePath }
        let path =
            name.hasPrefix("/") ? name : "\(workingFolder)/\(name.hasPrefix("./") ? name.dropFirst(2) : name[...])"
        return capus_same_file(path, "/proc/self/exe") ? path : executablePath
    }()

    private static var workingFolder: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
            capus_working_folder(buffer.baseAddress!, 4096) == 0 ? String(cString: buffer.baseAddress!) : "."
        }
    }

    static var executableName: String { String(launchPath.split(atASCII: "/").last ?? "apus") }

    /// `chat`, or `chat@blue` for an instance.
    var serviceName: String { instance.map { "\(Self.executableName)@\($0)" } ?? Self.executableName }

    private var folder: String {
        String(Self.launchPath[..<(Self.launchPath.lastIndex(ofASCII: "/") ?? Self.launchPath.startIndex)])
    }

    var pidPath: String { pidFile ?? "\(folder)/apus.\(instanceName).pid" }
    var logPath: String { logFile ?? (instance == nil ? "\(folder)/apus.log" : "\(folder)/apus.\(instanceName).log") }
    /// The socket that commands reach the master through.
    var controlPath: String { pidPath + ".control" }

    private var instanceName: String {
        instance.map { "\(Self.executableName).\($0)" } ?? Self.executableName
    }

    var termIsGraceful: Bool { sigtermIsGraceful ?? (capus_process_id() == 1) }
}
