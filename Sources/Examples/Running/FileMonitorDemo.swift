import Apus
import ApusSystem

/// A server that is reloaded when a file of a folder changes, and built anew before when that is a source.
///
///     Examples FileMonitorDemo start --http HOST:PORT --watch FOLDER [--build COMMAND]
///
/// Touch a file there, and look at the log; `start -d` watches nothing.
enum FileMonitorDemo {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let server = Worker(.http, on: try options.required("http"))
        server.onMessage = { connection, _ in connection.send("hello") }
        var monitored = FileMonitorOptions()
        if let command = options.value("build") { monitored.onSourceChange = .rebuild(["/bin/sh", "-c", command]) }
        FileMonitor([try options.required("watch")], options: monitored)
    }
}
