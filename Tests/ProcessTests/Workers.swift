import TestSupport
import Testing

/// The worker processes as they report themselves: the next `count` starts, ids to process ids.
func starts(_ count: Int, _ master: ServerProcess, within seconds: Double = 15) throws -> [Int: Int32] {
    var found: [Int: Int32] = [:]
    for _ in 0..<count {
        let line = try master.line("a worker's start", within: seconds) { $0.hasPrefix("event start ") }
        let words = line.split(separator: " ")
        found[Int(words[2])!] = Int32(words[3])!
    }
    return found
}

/// A supervised scenario server that is ready, its processes by id, and a keep-alive client of each.
func startedWithClients(
    _ service: Service
) throws -> (master: ServerProcess, endpoint: Endpoint, pids: [Int: Int32], clients: [Int: Client]) {
    let master = try service.launch("start")
    let pids = try starts(2, master)
    let endpoint = try #require(try master.endpoints().first)
    _ = master.children
    #expect(pids.keys.sorted() == [0, 1])
    var clients: [Int: Client] = [:]
    var others: [Client] = []
    let deadline = Deadline(20)
    while clients.count < 2, !deadline.isPast {
        let client = try Client(endpoint)
        let words = try client.get("/id").text.split(separator: " ")
        let id = try #require(Int(words[0]))
        #expect(pids[id] == Int32(words[1]))
        if clients[id] == nil { clients[id] = client } else { others.append(client) }
    }
    #expect(clients.count == 2, "all connections went to one worker")
    return (master, endpoint, pids, clients)
}
