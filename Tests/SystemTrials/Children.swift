import Apus
import ApusSystem
import Glibc
import TestSupport
import TrialSupport

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

func children(_ words: [String]) async throws {
    let descriptors = pipesAndProcesses()
    // Output, errors and status arrive, all of it before the end.
    let child = ChildProcess("echo out; echo err >&2; exit 3")
    var output = ""
    var errors = ""
    var exits: [ProcessExit] = []
    child.onOutput = { output += text($0) }
    child.onErrorOutput = { errors += text($0) }
    child.onExit = {
        exits.append($0)
        expect(output == "out\n" && errors == "err\n", "\(output) \(errors)")
    }
    try child.start()
    expect(exits.isEmpty && child.pid > 0)
    expect(await child.wait() == .code(3))
    expect(exits, is: [.code(3)])
    expect(!child.kill())
    await expectError { try child.start() }
    // What is written comes back, however much it is.
    let much = [UInt8](repeating: 0x61, count: 3_000_000)
    let echoed = try await ChildProcess.run(["cat"], input: much)
    expect(echoed.exit == .code(0) && echoed.output == much)
    let many = (0..<50).map { number in Task { try await ChildProcess.run(["echo", "\(number)"]) } }
    for (number, task) in many.enumerated() { expect(text(try await task.value.output), is: "\(number)\n") }
    // No shell reads arguments; the environment and the folder are what was asked for.
    expect(text(try await ChildProcess.run(["echo", "$HOME; ls"]).output), is: "$HOME; ls\n")
    let elsewhere = ChildProcess("pwd; echo $A; cat /proc/self/status | grep SigBlk; ls /proc/self/fd | wc -l")
    elsewhere.workingFolder = "/usr"
    elsewhere.environment = ["A": "b", "PATH": "/usr/bin:/bin"]
    var said = ""
    elsewhere.onOutput = { said += text($0) }
    try elsewhere.start()
    expect(await elsewhere.wait() == .code(0))
    // Standard input, output and error, and the folder that ls reads.
    expect(said.split(separator: "\n").map(String.init), is: ["/usr", "b", "SigBlk:\t0000000000000000", "4"])
    // Its end: by a signal, by time, by too much output, by a task that is cancelled.
    let sleeper = ChildProcess(["sleep", "1000"])
    try sleeper.start()
    expect(sleeper.isRunning && sleeper.kill())
    expect(await sleeper.wait() == .signal(SIGTERM))
    expect(try await ChildProcess.run(["sleep", "1000"], atMost: 0.05).exit == .signal(SIGKILL))
    expect(try await ChildProcess.run(["cat", "/dev/zero"], maxBytes: 100_000).exit == .signal(SIGKILL))
    let task = Task { try await ChildProcess.run(["sleep", "1000"]) }
    await Task.yield()
    task.cancel()
    expect(await expectError { _ = try await task.value } is CancellationError)
    // The group goes with it, and nobody waits for a grandchild that holds the output open.
    let parent = try await ChildProcess.run(["/bin/sh", "-c", "sleep 1000 & echo $!"])
    let grandchild = Int32(text(parent.output).dropLast())!
    expect(parent.exit == .code(0))
    ProcessFacts(grandchild)?.kill()
    // One that reads nothing, and has gone.
    let gone = ChildProcess(["true"])
    try gone.start()
    _ = await gone.wait()
    await expectError { try await gone.write([1]) }
    for words in [["/nowhere"], ["/etc/passwd"], ["a\u{0}b"]] {
        expect(await expectError { _ = try await ChildProcess.run(words) } is ProcessError)
    }
    try await expectEventually("\(pipesAndProcesses())") { pipesAndProcesses() == descriptors }
}

/// What could not be started leaves nothing behind.
func failedStarts(_ words: [String]) async throws {
    let before = ProcessFacts(getpid())!.residentBytes
    for _ in 0..<50_000 { _ = try? await ChildProcess.run(["a\u{0}b"]) }
    let growth = ProcessFacts(getpid())!.residentBytes - before
    expect(growth < 6_000_000, "\(growth)")
}

/// The descriptors that children cost. The runtime opens others when it likes.
private func pipesAndProcesses() -> Int {
    ProcessFacts(getpid())!.descriptorTargets.count { $0.hasPrefix("pipe:") || $0.contains("pidfd") }
}
