import Apus
import Glibc

/// What a client is put through on a real event loop, in a process of its own. `words` are the rest of the command
/// line.
public typealias Trial = @MainActor (_ words: [String]) async throws -> Void

private var checks = 0
private var failures = 0

/// Notes that `condition` must hold. The trial goes on, and its process ends with status 1 when one did not.
public func expect(
    _ condition: Bool, _ note: @autoclosure () -> String = "", file: StaticString = #fileID, line: UInt = #line
) {
    checks += 1
    if !condition { fail(note(), file: file, line: line) }
}

/// Notes that two values must be equal.
public func expect<Value: Equatable>(
    _ value: Value, is expected: Value, _ note: @autoclosure () -> String = "", file: StaticString = #fileID,
    line: UInt = #line
) {
    checks += 1
    if value != expected { fail("\(value) is not \(expected) \(note())", file: file, line: line) }
}

/// Notes that `body` must throw, and returns what it threw.
@MainActor @discardableResult
public func expectError(
    _ note: String = "", file: StaticString = #fileID, line: UInt = #line,
    _ body: @MainActor () async throws -> Void
) async -> (any Error)? {
    checks += 1
    do {
        try await body()
        fail("nothing was thrown \(note)", file: file, line: line)
        return nil
    } catch {
        return error
    }
}

/// Waits until `condition` holds: it is looked at every few milliseconds. What holds after two minutes only is a
/// failure.
@MainActor
public func expectEventually(
    _ note: String = "", file: StaticString = #fileID, line: UInt = #line,
    _ condition: @MainActor () async throws -> Bool
) async throws {
    checks += 1
    let end = ContinuousClock.now + .seconds(120)
    while ContinuousClock.now < end {
        if try await condition() { return }
        try await WorkerTimer.sleep(0.003)
    }
    fail("not within two minutes \(note)", file: file, line: line)
}

private func fail(_ note: String, file: StaticString, line: UInt) {
    failures += 1
    print("\(file):\(line): \(note)")
    fflush(nil)
}

/// Runs the trial that the command line names, and ends the process: `PROGRAM NAME [--backend libevent|epoll] [WORDS]`.
public func run(_ trials: [String: Trial]) -> Never {
    var words = Array(CommandLine.arguments.dropFirst())
    var backend = Backend.libevent
    if let index = words.firstIndex(of: "--backend"), index + 1 < words.count {
        backend = words[index + 1] == "epoll" ? .epoll : .libevent
        words.removeSubrange(index...index + 1)
    }
    guard let name = words.first, let trial = trials[name] else {
        print("there are these trials: \(trials.keys.sorted().joined(separator: " "))")
        exit(64)
    }
    do {
        try EventLoop.run(backend: backend) { try await trial(Array(words.dropFirst())) }
    } catch {
        failures += 1
        print("the trial threw \(error)")
    }
    // What checks nothing cannot fail.
    print("\(checks) checks, \(failures) failed")
    exit(failures == 0 && checks > 0 ? 0 : 1)
}
