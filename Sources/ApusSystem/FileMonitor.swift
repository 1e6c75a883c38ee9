import Apus
import ApusProtocols

/// Which files a `FileMonitor` watches, and what it does when they change.
public nonisolated struct FileMonitorOptions: Sendable {
    /// What is done when files have changed.
    public enum Action: Sendable {
        /// Runs a command; when it succeeds the service is reloaded, which runs the new program.
        case rebuild([String])
        /// The service is reloaded.
        case reload
    }

    /// What the names of watched files end in.
    public var extensions: Set<String> = [
        "swift", "c", "h", "html", "htm", "css", "js", "json", "xml", "yml", "yaml", "toml", "ini", "txt", "md", "svg",
    ]
    /// Folders of these names are left out, and those whose names begin with a dot.
    public var ignoredFolders: Set<String> = ["node_modules"]
    /// What is done when sources have changed, files whose names end in one of `sourceExtensions`.
    public var onSourceChange = Action.rebuild(["swift", "build"])
    /// What is done when other files have changed.
    public var onChange = Action.reload
    /// What the names of sources end in.
    public var sourceExtensions: Set<String> = ["swift", "c", "h"]
    /// Seconds without a further change until something is done.
    public var quietTime = 0.3

    /// The defaults of each property.
    public init() {}
}

/// Reloads the service when its files change, while it is being developed: sources are built anew first, and what runs
/// goes on when that fails.
///
///     FileMonitor(["Sources", "Public"])
///     Worker.runAll()
///
/// It is a worker without a port in a process of its own. It does nothing where the service runs as a daemon: files
/// that are being uploaded to a server are not to reload it.
public final class FileMonitor {
    /// The worker that watches.
    public let worker: Worker<Text>
    private let paths: [String]
    private let options: FileMonitorOptions
    private var watcher: FolderWatcher?
    private var changed: Set<String> = []
    private var quiet: WorkerTimer?
    private var isBuilding = false

    /// Watches folders, and all that are in them. Relative paths begin where the service was started.
    @discardableResult
    public init(_ paths: [String] = ["."], options: FileMonitorOptions = FileMonitorOptions()) {
        self.paths = paths
        self.options = options
        worker = Worker(.text, on: nil)
        worker.name = "FileMonitor"
        worker.isReloadable = false
        worker.onWorkerStart = { [self] _ in try start() }
    }

    nonisolated deinit {}

    private func start() throws {
        guard !Worker.daemonize else { return }
        watcher = try FolderWatcher(paths, ignoring: options.ignoredFolders) { [unowned self] in noteChange($0) }
    }

    private func noteChange(_ path: String) {
        let name = path.split(atASCII: "/").last ?? ""
        guard let dot = name.lastIndex(ofASCII: "."), !name.hasPrefix("."),
            options.extensions.contains(String(name.behind(dot)))
        else { return }
        changed.insert(path)
        quiet?.cancel()
        quiet = WorkerTimer.after(options.quietTime) { [unowned self] _ in act() }
    }

    private func act() {
        // One at a time: what has changed meanwhile is looked at afterwards.
        guard !isBuilding, !changed.isEmpty else { return }
        let files = changed.sorted()
        changed = []
        let isSource = files.contains { file in
            options.sourceExtensions.contains { file.hasSuffix("." + $0) }
        }
        Worker.log("\(files[0]) update\(files.count > 1 ? " and \(files.count - 1) more" : "") and reload")
        switch isSource ? options.onSourceChange : options.onChange {
        case .reload: Worker.reloadService()
        case .rebuild(let command):
            isBuilding = true
            Task {
                await build(command)
                isBuilding = false
                act()
            }
        }
    }

    private func build(_ command: [String]) async {
        do {
            let outcome = try await ChildProcess.run(command)
            if outcome.exit == .code(0) {
                Worker.reloadService()
                return
            }
            let text = String(decoding: outcome.output + outcome.errors, as: UTF8.self)
            Worker.log(
                "\(command.joined(separator: " ")) failed (\(outcome.exit)): nothing is reloaded\n\(text)",
                level: .error)
        } catch {
            Worker.log("\(command.joined(separator: " ")) cannot run: \(error)", level: .error)
        }
    }
}
