// One end of events that are handed on to many processes.
// `FanOut receive channel|redis ADDRESS COUNT`: says "ready", then ends when so many have come.
// `FanOut publish channel|redis ADDRESS COUNT BYTES RECEIVERS`: publishes so many to as many receivers, some under way
// at a time, and prints the seconds until the server had handed on all.
import Apus
import ApusCluster
import ApusRedis
import Glibc

let words = CommandLine.arguments
guard words.count >= 5, let count = Int(words[4]) else { exit(64) }
let address = words[3]

func receive() async throws {
    var received = 0
    let over = AsyncChannel<Bool>()
    let note = {
        received += 1
        if received == count { Task { await over.push(true) } }
    }
    if words[2] == "redis" {
        let redis = try RedisClient(address)
        let subscription = try await redis.subscribe("event") { _ in note() }
        print("ready")
        fflush(nil)
        _ = await over.pop()
        subscription.cancel()
        return
    }
    let client = ChannelClient()
    client.connect(address)
    client.on("event") { _ in note() }
    _ = try await client.publishAndWait("nobody's", data: 0)
    print("ready")
    fflush(nil)
    _ = await over.pop()
}

/// As many are awaited at a time as Redis' own benchmark has: what one round trip takes must not count.
func publish(_ payload: String, _ receivers: Int) async throws {
    let redis = words[2] == "redis" ? try RedisClient(address) : nil
    let client = ChannelClient()
    if redis == nil { client.connect(address) }
    var begun = 0
    let start = EventLoop.current.now
    let publishers = (0..<64).map { _ in
        Task {
            while begun < count {
                begun += 1
                let reached =
                    if let redis { try await redis.publish("event", payload) } else {
                        try await client.publishAndWait("event", data: payload)
                    }
                guard reached == receivers else { fatalError("\(reached) receivers") }
            }
        }
    }
    for publisher in publishers { try await publisher.value }
    print(Double(EventLoop.current.now - start) / 1e9)
}

try EventLoop.run(backend: .epoll) {
    if words[1] == "receive" {
        try await receive()
    } else {
        try await publish(String(repeating: "x", count: Int(words[5])!), Int(words[6])!)
    }
}
