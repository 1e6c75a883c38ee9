import Apus
import ApusCluster
import Glibc
import TestSupport
import TrialSupport

private struct User: Codable, Equatable {
    var name: String
    var tags: [String]
}

/// Spec 06 §2, each row of its table.
func dataOperations(_ words: [String]) async throws {
    let server = try valueServer(words)
    let data = GlobalDataClient(server.data)
    expect(try await data.get("none", as: Int.self) == nil)
    expect(try await !data.contains("none"))
    let user = User(name: "Ann \"é\"\n", tags: ["a/b", "c"])
    try await data.set("user", user)
    expect(try await data.get("user", as: User.self) == user)
    expect(try await data.contains("user"))
    expect(try await !data.add("user", 1))
    expect(try await data.add("other", 1))
    try await data.remove("other")
    try await data.remove("other")
    expect(try await data.add("other", "x"))
    try await data.set("other", String?.none)
    expect(try await !data.contains("other"))
    expect(try await data.compareAndSet("n", from: Int?.none, to: 5))
    expect(try await !data.compareAndSet("n", from: Int?.none, to: 6))
    expect(try await !data.compareAndSet("n", from: 4, to: 6))
    expect(try await data.compareAndSet("n", from: 5, to: 7))
    expect(try await data.increment("n") == 8)
    expect(try await data.increment("n", by: -10) == -2)
    expect(try await data.increment("n", by: 0.5) == -1.5)
    expect(try await data.increment("none") == nil)
    expect(try await data.increment("user", by: 3) == 3)
    try await data.set("huge", Int.max)
    expect(try await data.increment("huge") == nil)
    try await data.set("large", 1e300)
    let large = await expectError { _ = try await data.increment("large") }
    expect(large is ClusterError)
    let changed = try await data.update("list", as: [Int].self) { ($0 ?? []) + [1] }
    expect(changed == [1])
    expect(try await data.update("list", as: [Int].self) { _ in nil } == nil)
    expect(try await !data.contains("list"))
    try await data.set("brief", 1, expiresIn: 0.05)
    try await expectEventually { try await data.get("brief", as: Int.self) == nil }
    try await data.set("lease", "a")
    expect(try await !data.compareAndSet("lease", from: "b", to: "a", expiresIn: 0.05))
    expect(try await data.compareAndSet("lease", from: "a", to: "a", expiresIn: 0.05))
    try await expectEventually { try await data.get("lease", as: String.self) == nil }
    let wrong = await expectError { _ = try await data.get("huge", as: String.self) }
    expect(wrong is DecodingError)
    // Together: one way for all.
    let tasks = (0..<1000).map { number in
        Task {
            try await data.set("k\(number)", number)
            return try await data.get("k\(number)", as: Int.self) == number
        }
    }
    for task in tasks { expect(try await task.value) }
    data.close()
    let closed = await expectError { _ = try await data.get("n", as: Int.self) }
    expect(closed as? ClusterError, is: .closed)
}

/// What `counting` does in each of its processes.
func countSome(_ words: [String]) async throws {
    let data = GlobalDataClient(words[0])
    for index in 0..<Int(words[1])! {
        expect(try await data.increment("count") != nil)
        if index < 50 { try await data.update("list", as: [Int].self) { ($0 ?? []) + [index] } }
    }
}

/// Four processes add a thousand times one, and change the same list: nothing is lost.
func counting(_ words: [String]) async throws {
    let server = try valueServer(words)
    let data = GlobalDataClient(server.data)
    try await data.set("count", 0)
    let folder = try TemporaryFolder()
    let processes = try (0..<8).map { _ in
        try ServerProcess("ClusterTrials", ["count-some", server.data, "1000"], in: folder)
    }
    for process in processes {
        // Not to be waited for in a way that holds up the loop.
        while process.isRunning { try await WorkerTimer.sleep(0.01) }
        expect(try process.waitForExit() == .code(0), process.errorText)
    }
    expect(try await data.get("count", as: Int.self) == 8000)
    let list = try await data.get("list", as: [Int].self) ?? []
    expect(list.sorted(), is: (0..<50).flatMap { Array(repeating: $0, count: 8) })
}

func dataServerDown(_ words: [String]) async throws {
    let server = try valueServer(words)
    var options = GlobalDataClientOptions()
    options.timeout = 0.3
    let data = GlobalDataClient(server.data, options: options)
    // A busy machine may need more than one time-out to connect.
    try await expectEventually { (try? await data.set("k", 1)) != nil }
    server.signal(SIGSTOP)
    let late = await expectError { _ = try await data.get("k", as: Int.self) }
    expect(late as? ClusterError, is: .timedOut(0.3))
    try server.kill()
    // What was sent before the end was noticed may have been done; afterwards nothing is.
    try await expectEventually {
        do {
            _ = try await data.get("k", as: Int.self)
        } catch ClusterError.unavailable {
            return true
        } catch ClusterError.connectionLost {}
        return false
    }
    try server.restart()
    try await expectEventually { (try? await data.contains("k")) == server.keepsItems }
    try await expectEventually { (try? await data.set("k", 2)) != nil }
    // In mid-traffic: every call ends, and what was said to be done was done.
    var done = 0
    var failed = 0
    var isOver = false
    let tasks = (0..<20).map { _ in
        Task {
            while !isOver {
                do {
                    try await data.set("k", 3)
                    done += 1
                } catch is ClusterError {
                    failed += 1
                    try await WorkerTimer.sleep(0.002)
                }
            }
        }
    }
    for _ in 0..<3 {
        let before = done
        try await expectEventually { done > before + 100 }
        try server.kill()
        let failedBefore = failed
        try await expectEventually { failed > failedBefore }
        try server.restart()
    }
    let before = done
    try await expectEventually { done > before + 100 }
    isOver = true
    for task in tasks { try await task.value }
    expect(try await data.get("k", as: Int.self) == 3)
}

/// Spec 06 §17: where keys live.
func dataShards(_ words: [String]) async throws {
    let servers = try (0..<3).map { _ in try ClusterServer() }
    let data = GlobalDataClient(servers[0].data, servers[1].data, servers[2].data)
    try await data.set("abc", 1)
    try await data.set("user_list", 2)
    for (index, server) in servers.enumerated() {
        let one = GlobalDataClient(server.data)
        expect(try await one.contains("abc"), is: index == 0)
        expect(try await one.contains("user_list"), is: index == 2)
    }
}

/// Garbage, silence and ends behind each byte of an answer: typed errors, and afterwards all is well.
func hostileServers(_ words: [String]) async throws {
    let answer: [UInt8] = [0, 0, 0, 6, 0x34, 0x32]
    for count in 0...answer.count {
        for stalls in [false, true] {
            let server = ScriptedServer { peer in
                guard peer.read(8) != nil, peer.send(Array(answer[..<count])) else { return }
                if stalls || count == answer.count { peer.waitForClose() }
            }
            defer { server.stop() }
            var options = GlobalDataClientOptions()
            options.timeout = stalls ? 0.03 : 30
            let data = GlobalDataClient("127.0.0.1:\(server.port)", options: options)
            if count == answer.count {
                expect(try await data.get("k", as: Int.self) == 42)
            } else {
                let error = await expectError { _ = try await data.get("k", as: Int.self) }
                switch error as? ClusterError {
                case .timedOut: expect(stalls)
                case .connectionLost: expect(!stalls)
                default: expect(false, "\(error!)")
                }
            }
            data.close()
        }
    }
    for garbage in ["GARBAGE GARBAGE", "\u{0}\u{0}\u{0}\u{2}xx", "\u{0}\u{0}\u{0}\u{5}{"] {
        let server = ScriptedServer { peer in
            _ = peer.read(8)
            peer.send(garbage)
        }
        let data = GlobalDataClient("127.0.0.1:\(server.port)")
        let error = await expectError { _ = try await data.get("k", as: Int.self) }
        if case .connectionLost = error as? ClusterError {} else { expect(false, "\(error!)") }
        data.close()
        server.stop()
    }
    // The other way: a client that sends garbage is told so, and others go on.
    let server = try ClusterServer()
    let data = GlobalDataClient(server.data)
    try await data.set("k", 1)
    for message in [
        "\u{0}\u{0}\u{0}\u{6}{}", "\u{0}\u{0}\u{0}\u{7}xyz", "\u{0}\u{0}\u{0}\u{1}",
        "\u{0}\u{0}\u{0}\u{1D}{\"cmd\":\"what\",\"key\":\"k\"}  ",
    ] {
        let client = try Client(.unix(path: String(server.data.dropFirst(5))))
        try client.send(message)
        _ = try client.readToEnd()
    }
    expect(try await data.get("k", as: Int.self) == 1)
}
