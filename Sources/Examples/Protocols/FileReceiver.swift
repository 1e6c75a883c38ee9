import Apus

/// The business of the servers that receive files. It knows nothing of how they travel: `serve(BinaryTransfer(), …)`
/// and `serve(TextTransfer(), …)` differ in one word.
///
/// Whoever can connect can fill the disk: let it listen where only friends are.
enum FileReceiver {
    static func serve(_ transfer: some FileTransfer, _ arguments: [String]) throws {
        let options = Options(arguments)
        let server = Worker(transfer, on: try options.required("on"))
        server.name = "\(type(of: transfer))"
        server.count = try options.number("count") ?? 1
        var files: ReceivedFiles?
        // Here and not above: `stop` and `status` run the code above, too, and are to make no folder.
        server.onWorkerStart = { server in
            let folder = try ReceivedFiles(into: options.value("into"))
            Worker.log("\(server.name) saves files in \(folder.path)")
            files = folder
        }
        server.onMessageAsync = { connection, file in
            guard let files else { return }
            do {
                // Disks may be slow: on another thread, so that others are served meanwhile.
                let name = try await Task.detached { try files.save(file) }.value
                connection.send("saved \(file.fileData.count) bytes as \(name)")
            } catch {
                Worker.log("a file of \(connection.remoteAddress) is lost: \(error)", level: .error)
                connection.close("not saved: \(error)")
            }
        }
    }
}
