import Apus
import ApusMySQL

/// Asks a database for each request, over a pool of connections: `/?sql=SELECT…` answers with what it says, `/slow`
/// waits a tenth of a second in the database, and `/` asks nothing.
///
///     Examples MySQLService start --http HOST:PORT --database mysql://USER:PASSWORD@HOST/NAME [--pool N]
///
/// It runs what it is asked for: not for the internet.
enum MySQLService {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let pool = try MySQLPool(
            try options.required("database"), maxConnections: try options.number("pool") ?? 50)
        let server = Worker(.http, on: try options.required("http"))
        server.onMessageAsync = { connection, request in
            switch request.path {
            case "/slow": connection.send(try await pool.single("SELECT SLEEP(0.1)")?.string ?? "")
            default:
                guard let sql = request.queryParameters["sql"] else {
                    connection.send("hello\n")
                    return
                }
                let rows = try await pool.query(sql)
                connection.send(
                    rows.map { $0.values.map { $0.string ?? "NULL" }.joined(separator: "\t") + "\n" }.joined())
            }
        }
    }
}
