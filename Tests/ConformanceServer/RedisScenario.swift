import Apus
import ApusRedis

/// A Redis client of the server at `--to`, told over a control connection what to do.
///
/// "do NAME WORDS…" begins a command and answers at once; "cancel NAME" cancels it; what becomes of it is the event
/// "NAME reply". "many N" asks for N echoes at the same time. "ask WORDS…" answers with the reply. "brief" asks with a
/// client of its own and lets it go.
func redisClient(_ options: Options) {
    let control = Worker(.text, on: "127.0.0.1:0")
    var redisOptions = RedisOptions()
    redisOptions.password = options["password"]
    redisOptions.database = options.number("database")
    if let milliseconds = options.number("command-timeout") { redisOptions.timeout = Double(milliseconds) / 1000 }
    if let most = options.number("most") { redisOptions.maxOutstandingCommands = most }
    if let bytes = options.number("max-reply") { redisOptions.maxReplyBytes = bytes }
    redisOptions.speaksRESP3 = options["resp3"] != nil
    redisOptions.connect = connectOptions(options)
    let redis = try! RedisClient(options["to"]!, options: redisOptions)
    var tasks: [String: Task<Void, Never>] = [:]
    control.onMessage = { control, line in
        let words = line.split(separator: " ").map(String.init)
        switch words[0] {
        case "do":
            tasks[words[1]] = Task { report("\(words[1]) \(await outcome(redis, words.dropFirst(2)))") }
            control.send("ok")
        case "cancel":
            tasks[words[1]]?.cancel()
            control.send("ok")
        case "ask": control.run { control.send(await outcome(redis, words.dropFirst())) }
        case "many": control.run { control.send(try await askMany(redis, Int(words[1])!)) }
        case "keys": control.run { control.send(try await useKeys(redis)) }
        case "brief":
            Task {
                let other = try RedisClient(options["to"]!)
                report("brief \(describe(try await other.command("ECHO", "x")))")
            }
            control.send("ok")
        case "close":
            redis.close()
            control.send("ok")
        default: control.send("\(redis.isConnected)")
        }
    }
}

private func outcome(_ redis: RedisClient, _ words: ArraySlice<String>) async -> String {
    do {
        return describe(try await redis.command(words.first!, arguments: Array(words.dropFirst())))
    } catch let error as RedisError {
        return "\(error)\(error.mayHaveBeenExecuted ? " (perhaps)" : "")"
    } catch {
        return "\(error)"
    }
}

private func describe(_ value: RedisValue) -> String {
    switch value {
    case .null: "null"
    case .array(let values): "[" + values.map(describe).joined(separator: ", ") + "]"
    case .map(let entries): "{" + entries.map { "\(describe($0.key)): \(describe($0.value))" }.joined() + "}"
    case .integer(let number): "\(number)"
    case .double(let number): "\(number)"
    case .bytes(let bytes) where bytes.count > 1000: "\(bytes.count) bytes"
    default: (value.string ?? "\(value)").replacing("\n", with: " ")
    }
}

/// Each reply has to be that of its own command.
private func askMany(_ redis: RedisClient, _ count: Int) async throws -> String {
    let tasks = (0..<count).map { number in
        Task { try await redis.command("ECHO", number).integer == number }
    }
    var right = 0
    for task in tasks { right += try await task.value ? 1 : 0 }
    return "\(right) right"
}

private func useKeys(_ redis: RedisClient) async throws -> String {
    let bytes = pattern(300_000)
    try await redis.ping()
    var results = [try await redis.set("a", bytes, expiresIn: 60), try await redis.get("a") == bytes]
    results.append(try await redis.set("a", "x", ifKey: .isMissing))
    results.append(try await redis.set("b", "x", ifKey: .exists))
    results.append(try await redis.set("b", 7, ifKey: .isMissing))
    results.append(try await redis.get("b") == Array("7".utf8))
    results.append(try await redis.get("c") == nil)
    results.append(try await redis.expire("a", in: 100))
    results.append(try await redis.expire("c", in: 100))
    results.append(try await redis.command("TTL", "a").integer.map { $0 > 60 } ?? false)
    results.append(try await redis.delete("a", "b", "c") == 2)
    return results.map { $0 ? "t" : "f" }.joined()
}
