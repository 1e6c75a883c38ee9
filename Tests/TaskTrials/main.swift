import Apus
import TrialSupport

run([
    "channel": channel,
    "lock": lock,
    "groups": groups,
    "parallel": parallel,
    "context": context,
])

/// Spec 04 §6, row by row.
func channel(_ words: [String]) async throws {
    let channel = AsyncChannel<Int>(capacity: 2)
    expect(channel.capacity, is: 2)
    expect(await channel.push(1))
    expect(await channel.push(2))
    expect(await channel.push(3, atMost: 0), is: false)
    expect(await channel.push(3, atMost: 0.02), is: false)
    let pushing = (3...6).map { number in Task { await channel.push(number) } }
    try await expectEventually { channel.hasProducers }
    expect(channel.count, is: 2)
    var taken: [Int] = []
    for _ in 0..<6 { taken.append(await channel.pop() ?? -1) }
    expect(taken, is: [1, 2, 3, 4, 5, 6])
    for task in pushing { expect(await task.value) }
    expect(await channel.pop(atMost: 0) == nil)
    expect(await channel.pop(atMost: 0.02) == nil)
    let popping = Task { await channel.pop() }
    try await expectEventually { channel.hasConsumers }
    expect(await channel.push(7))
    expect(await popping.value == 7)
    expect(channel.count, is: 0)
    let cancelled = Task { await channel.pop() }
    try await expectEventually { channel.hasConsumers }
    cancelled.cancel()
    expect(await cancelled.value == nil)
    expect(!channel.hasConsumers)
    // Nobody who comes later is quicker than who has waited, even before that task goes on.
    for number in 1...2 { expect(await channel.push(number)) }
    let patient = Task { await channel.push(3) }
    try await expectEventually { channel.hasProducers }
    for number in 1...2 { expect(await channel.pop() == number) }
    expect(await channel.push(4))
    for number in 3...4 { expect(await channel.pop() == number) }
    expect(await patient.value)
    // Nobody who comes later takes the room of those who wait.
    for number in 1...2 { expect(await channel.push(number)) }
    let first = Task { await channel.push(3) }
    try await expectEventually { channel.hasProducers }
    expect(await channel.pop() == 1)
    let second = Task { await channel.push(4, atMost: 0) }
    expect(await second.value, is: false)
    expect(await first.value)
    // Closed: what is there can be taken, and all who wait go on.
    let late = Task { await channel.push(5) }
    try await expectEventually { channel.hasProducers }
    channel.close()
    expect(await late.value, is: false)
    expect(await channel.push(6), is: false)
    var rest: [Int] = []
    for await number in channel { rest.append(number) }
    expect(rest, is: [2, 3])
    let empty = AsyncChannel<Int>()
    let waiting = Task { await empty.pop() }
    try await expectEventually { empty.hasConsumers }
    empty.close()
    expect(await waiting.value == nil)
}

func lock(_ words: [String]) async throws {
    let lock = AsyncLock()
    var inside: [String: Int] = [:]
    var order: [Int] = []
    let tasks = (0..<100).map { number in
        Task {
            let key = "\(number % 3)"
            try await lock.withLock(key) {
                inside[key, default: 0] += 1
                expect(inside[key], is: 1)
                await Task.yield()
                if key == "0" { order.append(number) }
                inside[key]! -= 1
            }
        }
    }
    for task in tasks { try await task.value }
    expect(order, is: Array(stride(from: 0, to: 100, by: 3)))
    try await lock.lock("k")
    expect(await expectError { try await lock.lock("k", atMost: 0.02) } is AsyncLock.TimedOut)
    let waiting = Task { try await lock.lock("k") }
    await Task.yield()
    waiting.cancel()
    expect(await expectError { try await waiting.value } is CancellationError)
    try lock.unlock("k")
    expect(await expectError { try lock.unlock("k") } is AsyncLock.NotLocked)
    struct Broken: Error {}
    await expectError { try await lock.withLock("k") { throw Broken() } }
    try await lock.lock("k", atMost: 0.02)
}

func groups(_ words: [String]) async throws {
    let group = WaitGroup()
    expect(await group.wait())
    var done = 0
    for _ in 0..<10 {
        group.add {
            try await WorkerTimer.sleep(0.001)
            done += 1
        }
    }
    expect(group.count, is: 10)
    expect(await group.wait())
    expect(done, is: 10)
    group.add()
    expect(await group.wait(atMost: 0.02), is: false)
    let waiting = [Task { await group.wait() }, Task { await group.wait() }]
    await Task.yield()
    group.done()
    for task in waiting { expect(await task.value) }
    let barrier = Barrier(3)
    for _ in 0..<2 {
        let early = (0..<2).map { _ in Task { await barrier.wait() } }
        try await expectEventually { barrier.waitingCount == 2 }
        expect(await barrier.wait())
        for task in early { expect(await task.value) }
        expect(barrier.waitingCount, is: 0)
    }
    expect(await barrier.wait(atMost: 0.02), is: false)
    expect(barrier.waitingCount, is: 0)
}

func parallel(_ words: [String]) async throws {
    struct Broken: Error {}
    let parallel = Parallel<Int>(concurrency: 3)
    var running = 0
    var most = 0
    for number in 0..<20 {
        parallel.add(number == 5 ? "five" : nil) {
            running += 1
            most = max(most, running)
            try await WorkerTimer.sleep(0.001 * Double(20 - number))
            running -= 1
            if number == 7 { throw Broken() }
            return number
        }
    }
    let outcomes = await parallel.wait()
    expect(outcomes.map { (try? $0.get()) ?? -1 }, is: (0..<20).map { $0 == 7 ? -1 : $0 })
    expect(most, is: 3)
    expect(parallel.results["five"] == 5 && parallel.results["6"] == 6 && parallel.results.count == 19)
    expect(parallel.errors.count == 1 && parallel.errors["7"] is Broken)
    let slow = Parallel<Void>(concurrency: 2)
    for _ in 0..<5 { slow.add { try await WorkerTimer.sleep(1000) } }
    let task = Task { await slow.wait() }
    await Task.yield()
    task.cancel()
    let cut = await task.value
    expect(cut.count, is: 5)
    expect(cut.allSatisfy { if case .failure(let error) = $0 { error is CancellationError } else { false } })
    expect(await Parallel<Int>().wait().isEmpty)
}

func context(_ words: [String]) async throws {
    TaskContext.set("a", 1)
    expect(TaskContext.get("a", as: Int.self) == nil)
    await TaskContext.with {
        TaskContext.set("a", 1)
        expect(TaskContext.get("a") == 1 && TaskContext.has("a"))
        expect(TaskContext.get("a", as: String.self) == nil)
        await Task { expect(TaskContext.get("a") == 1) }.value
        await Task.detached { await MainActor.run { expect(!TaskContext.has("a")) } }.value
        await TaskContext.with { expect(!TaskContext.has("a")) }
        TaskContext.set("a", nil)
        expect(!TaskContext.has("a"))
        TaskContext.set("b", 2)
        TaskContext.clear()
        expect(!TaskContext.has("b"))
    }
    // Two at the same time do not see each other's.
    let tasks = (0..<10).map { number in
        Task {
            await TaskContext.with {
                TaskContext.set("n", number)
                await Task.yield()
                return TaskContext.get("n") == number
            }
        }
    }
    for task in tasks { expect(await task.value) }
}
