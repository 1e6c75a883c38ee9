import Apus
import ApusCluster
import Glibc

/// What clients may ask for, `/WHAT/TOKEN/…`: each answer begins with the token of its request, 200 says that it was
/// done, 503 that it is not known whether it was, and 502 that it was not.
final class Requests {
    private struct Tally: Codable {
        var life = UInt64.random(in: 0...1 << 50)
        var count = 0
    }

    private let shared: Shared
    private let data: GlobalDataClient

    init(shared: Shared, dataServer: String) {
        self.shared = shared
        data = GlobalDataClient(dataServer)
    }

    func received(_ connection: Connection<HTTP>, _ request: HTTPRequest) throws {
        let words = request.path.split(separator: "/").map(String.init)
        guard words.count >= 2 else { throw HTTPError(.notFound) }
        let token = words[1]
        let argument = words.last ?? ""
        switch words[0] {
        case "echo": answer(connection, token, String(decoding: request.body, as: UTF8.self))
        case "blob": answer(connection, token, String(repeating: "\(token) ", count: Int(argument) ?? 0))
        case "hit": answer(connection, token, "\(shared.life.load()) \(shared.hits.add())")
        case "hits": answer(connection, token, "\(shared.life.load()) \(shared.hits.load())")
        case "row": try changeRow(connection, token)
        case "rows": checkRows(connection, token)
        default: wait(connection, words[0], token, argument)
        }
    }

    private func wait(_ connection: Connection<HTTP>, _ what: String, _ token: String, _ argument: String) {
        connection.run { [self] in
            do {
                switch what {
                case "wait":
                    try await WorkerTimer.sleep(.random(in: 0...0.03))
                    answer(connection, token, "waited")
                case "jobs", "mail":
                    try await ChannelClient.shared.enqueueAndWait(what, data: Padded.text(of: Int(argument) ?? 0))
                    answer(connection, token, "kept")
                case "publish":
                    answer(
                        connection, token, "\(try await ChannelClient.shared.publishAndWait("news", data: token) ?? -1)"
                    )
                case "add": answer(connection, token, "\(try await increment())")
                case "sum": answer(connection, token, "\(try await data.get("sum", as: Int.self) ?? 0)")
                case "tally":
                    let tally = try await data.update("tally", as: Tally.self) { old in
                        var tally = old ?? Tally()
                        tally.count += 1
                        return tally
                    }
                    answer(connection, token, "\(tally?.life ?? 0) \(tally?.count ?? 0)")
                default: throw HTTPError(.notFound)
                }
            } catch let error as ClusterError {
                var isUndone = false
                if case .unavailable = error { isUndone = true }
                answer(connection, token, "\(error)", isUndone ? .badGateway : .serviceUnavailable)
            }
        }
    }

    /// A server that has just been started knows no sum.
    private func increment() async throws -> Int {
        while true {
            if let sum = try await data.increment("sum") { return sum }
            try await data.add("sum", 0)
        }
    }

    private func changeRow(_ connection: Connection<HTTP>, _ token: String) throws {
        let number = Int64.random(in: 0...1 << 40)
        try shared.write("fixed", number)
        let passing = "passing-\(Int.random(in: 0..<100))"
        if try !shared.rows.remove(passing) { try shared.write(passing, number) }
        let fault = shared.rows["fixed"].map(shared.fault) ?? "a row that is never removed is missing"
        let count = try shared.rows.increment("count", "number")
        answer(connection, token, fault.map { "fault: \($0)" } ?? "\(shared.life.load()) \(count)")
    }

    /// At rest: whether each row is whole, and the table knows how many it has.
    private func checkRows(_ connection: Connection<HTTP>, _ token: String) {
        var count = 0
        for row in shared.rows {
            count += 1
            if row.key != "count", let fault = shared.fault(row) { return answer(connection, token, "fault: \(fault)") }
        }
        let isRight = count == shared.rows.count
        answer(connection, token, isRight ? "\(count) rows" : "fault: \(count) rows counted as \(shared.rows.count)")
    }

    private func answer(
        _ connection: Connection<HTTP>, _ token: String, _ text: String, _ status: HTTPStatus = .ok
    ) {
        connection.send(
            HTTPResponse(
                status, headers: ["Content-Type": "text/plain", "X-Process": "\(getpid())"],
                body: "\(token) \(text)"))
    }
}
