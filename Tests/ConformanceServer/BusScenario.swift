import Apus
import Glibc

/// Processes that talk to each other and share memory. Each obeys lines that come through a Unix socket of its own,
/// whose name in `--folder` is its process id.
func talkOverBus(_ options: Options) { BusScenario(options).open() }

/// `pattern`, made quickly.
private func longPattern(_ count: Int) -> [UInt8] {
    var bytes = pattern(251)
    while bytes.count < count { bytes += bytes }
    return Array(bytes.prefix(count))
}

private func isLongPattern(_ bytes: [UInt8]) -> Bool { memcmp(bytes, longPattern(bytes.count), bytes.count) == 0 }

private final class BusScenario {
    private let options: Options
    private let server: Worker<Text>
    private let hits = SharedCounter("hits")
    private let rows = SharedTable(
        "rows", rows: 100,
        columns: [.integer("n"), .integer("m"), .bytes("text", capacity: 40)])
    private let bigRows = SharedTable("big", rows: 2, columns: [.integer("m"), .bytes("big", capacity: 4_000_000)])
    private var received = 0
    private var disorder = 0
    private var last = "nothing"
    private var lastNumbers: [String: Int] = [:]
    private var number = 0
    private var isRunning = false

    init(_ options: Options) {
        self.options = options
        server = Worker(.text, on: options.address)
    }

    func open() {
        server.name = "talk"
        setLimits(server, options)
        server.count = options.number("count") ?? 1
        server.isReloadable = options["stay"] == nil
        hits.store(7)
        setService(server, options)
        if let count = options.number("other") {
            let other = Worker(.websocket, on: "127.0.0.1:0")
            other.name = "other"
            other.count = count
            other.onWorkerStart = { [self] in try start($0) }
            other.onMessage = { _, message in
                if message.text == "all" { other.broadcastAll("to all") }
            }
        }
        server.onWorkerStart = { [self] in try start($0) }
        server.onWorkerStop = { Worker.bus.broadcast("left", "\($0.id)") }
        server.onMessage = { [self] _, line in try server.broadcastAll(line) }
        Worker.bus.on("number") { [self] message in
            let number = Int(message.text) ?? -1
            let sender = "\(message.sender)"
            received += 1
            if let previous = lastNumbers[sender], number != previous + 1 { disorder += 1 }
            lastNumbers[sender] = number
        }
        for event in ["news", "left", ""] {
            Worker.bus.on(event) { [self] message in
                received += 1
                let isIntact = isLongPattern(message.data)
                let text = message.data.count <= 100 ? message.text : "\(message.data.count) \(isIntact)"
                last = "\(message.event) \(message.sender) \(text)"
            }
        }
        Worker.bus.on("trouble") { _ in throw ScenarioError(description: "a bus handler threw") }
    }

    private func start<P>(_ worker: Worker<P>) throws {
        let control = Worker(.text, on: "unix:\(options["folder"] ?? "")/\(getpid())")
        control.onMessage = { [self] connection, line in
            connection.send(obey(line.split(separator: " ").map(String.init), worker))
        }
        try control.listen()
        try makeStartTrouble(options)
        // Whom it can reach at once: all that were started before.
        let reached = Worker.bus.broadcast("born", "\(worker.id)")
        report("start \(worker.id) \(getpid()) \(worker.name) \(reached)")
    }

    private func obey(_ words: [String], _ worker: WorkerBase) -> String {
        let numbers = words.map { Int($0) ?? 0 }
        switch words[0] {
        case "broadcast": return "\(Worker.bus.broadcast("news", words[1]))"
        case "to-all": return "\(Worker.bus.broadcast("news", words[1], includingSelf: true))"
        case "send": return "\(Worker.bus.send("news", words[1], to: words[2], id: words.count > 3 ? numbers[3] : nil))"
        case "trouble": return "\(Worker.bus.send("trouble", "", to: words[1], id: numbers[2]))"
        case "large": return "\(Worker.bus.broadcast("news", longPattern(numbers[1])))"
        case "ping": return "\(Worker.bus.broadcast("ping", ""))"
        case "empty": return "\(Worker.bus.broadcast("", []))"
        case "numbers": return "\((0..<numbers[1]).reduce(0) { sum, _ in sum + sayNumber() })"
        case "flood": return "\((0..<numbers[1]).reduce(0) { sum, _ in sum + sayNews(numbers[2]) })"
        case "go-on":
            isRunning = true
            goOn { [self] in _ = sayNumber() }
        case "write-big":
            isRunning = true
            let big = longPattern(4_000_000)
            goOn { [self] in try? bigRows.set("big", ["big": .bytes(big), "m": 1]) }
        case "halt": isRunning = false
        case "said": return "\(number)"
        case "dropped": return "\(Worker.bus.droppedCount)"
        case "received": return "\(received) \(disorder)"
        case "last": return last
        default: return share(words, numbers)
        }
        return "done"
    }

    private func sayNumber() -> Int {
        number += 1
        return Worker.bus.broadcast("number", "\(number)")
    }

    private func sayNews(_ size: Int) -> Int { Worker.bus.broadcast("news", [UInt8](repeating: 1, count: size)) }

    /// Does something once a turn of the loop.
    private func goOn(_ body: @escaping @MainActor () -> Void) {
        guard isRunning else { return }
        body()
        EventLoop.current.execute { [self] in goOn(body) }
    }

    private func share(_ words: [String], _ numbers: [Int]) -> String {
        do {
            switch words[0] {
            case "hit": for _ in 0..<numbers[1] { hits.add() }
            case "hits": return "\(hits.load())"
            case "hits-other":
                let isExchanged = hits.compareExchange(expected: numbers[1], desired: numbers[2])
                return "\(isExchanged) \(hits.max(numbers[3])) \(hits.subtract(2))"
            case "increment":
                for _ in 0..<numbers[1] {
                    for key in 0..<numbers[2] { try rows.increment("key \(key)", "n") }
                }
            case "set": try rows.set(words[1], ["text": .text(words[2]), "m": .integer(Int64(numbers[3]))])
            case "set-if":
                let values: [String: SharedValue] = ["text": .text(words[2]), "m": .integer(Int64(numbers[4]))]
                return "\(try rows.set(words[1], values, if: "m", is: Int64(numbers[3])))"
            case "insert": return "\(try rows.insert(words[1], ["text": .text(words[2])]))"
            case "exchange":
                return "\(try rows.compareExchange(words[1], "m", expected: Int64(numbers[2]), desired: -1))"
            case "get":
                guard let row = rows[words[1].replacing("_", with: " ")] else { return "none" }
                return "\(row.integer("n")!) \(row.integer("m")!) \(row.text("text")!)"
            case "get-big":
                guard let row = bigRows["big"], let big = row.bytes("big") else { return "none" }
                return "\(row.integer("m")!) \(big.count) \(isLongPattern(big))"
            case "remove-big": return "\(try bigRows.remove("big")) \(bigRows.count)"
            case "increment-big": return "\(try bigRows.increment("big", "m"))"
            case "set-big": try bigRows.set("big", ["big": .bytes(longPattern(numbers[1]))])
            case "remove": return "\(try rows.remove(words[1]))"
            case "remove-if": return "\(try rows.remove(words[1], if: "m", is: Int64(numbers[2])))"
            case "remove-if-wrong": try rows.remove("anna", if: "text", is: 0)
            case "lease":
                // Adds, takes away and adds again: a row that others add meanwhile has another number, and stays.
                for round in 0..<numbers[1] where try rows.insert("lease", ["m": .integer(Int64(getpid()))]) {
                    let mine = try rows.remove("lease", if: "m", is: Int64(getpid()))
                    let foreign = try rows.remove("lease", if: "m", is: Int64(getpid()))
                    guard mine, !foreign else { return "lost in round \(round)" }
                }
            case "count": return "\(rows.count)"
            case "keys": return rows.map(\.key).sorted().joined(separator: " ")
            case "fill": for index in 0..<numbers[1] { try rows.set("row \(index)", ["n": 1]) }
            case "churn":
                for index in 0..<numbers[1] {
                    try rows.increment("\(words[2]) \(index)", "n")
                    guard try rows.remove("\(words[2]) \(index)") else { return "gone" }
                }
            case "long-key": try rows.set(String(repeating: "k", count: 65), [:])
            case "wrong-column": try rows.set("a", ["nothing": 1])
            case "wrong-kind": try rows.increment("a", "text")
            case "long-value": try rows.set("a", ["text": .text(String(repeating: "x", count: 41))])
            default: return "unknown command \(words)"
            }
            return "done"
        } catch {
            return "\(error)"
        }
    }
}
