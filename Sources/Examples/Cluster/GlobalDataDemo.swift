import Apus
import ApusCluster

/// Values that processes of several hosts share: each line is counted, over all of them, and kept as the last one.
///
///     Examples ClusterServers start
///     Examples GlobalDataDemo start --text HOST:PORT [--data HOST:PORT | --data redis://HOST:PORT] [--count N]
enum GlobalDataDemo {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let address = options.value("data") ?? "127.0.0.1:2207"
        let server = Worker(.text, on: try options.required("text"))
        server.count = try options.number("count") ?? 4
        var data: GlobalDataClient!
        server.onWorkerStart = { _ in data = GlobalDataClient(address) }
        server.onMessageAsync = { connection, line in
            try await data.add("lines", 0)  // Only the first one sets it.
            let number = try await data.increment("lines") ?? 0
            let before = try await data.get("last", as: String.self)
            try await data.set("last", line)
            connection.send("line \(number), behind \(before ?? "nothing")")
        }
    }
}
