import Foundation

/// The executables of this package, which lie where the tests do.
enum Products {
    static let tool = path(of: "apus")
    static let examples = path(of: "Examples")

    /// The test bundle is an executable in the build folder, or some folders below it.
    private static func path(of name: String) -> String {
        var folder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        while folder.path != "/" {
            let candidate = folder.appending(component: name).path
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
            folder.deleteLastPathComponent()
        }
        fatalError("\(name) is not built: run swift build --build-tests")
    }
}

/// A program that a test runs, and what it says.
final class RunningProgram {
    private let process = Process()
    private let output = Pipe()
    private let errors = Pipe()

    /// `environment` is what the program gets beside that of the tests.
    init(
        _ path: String, _ arguments: [String], in namespace: NetworkNamespace? = nil,
        environment: [String: String] = [:]
    ) throws {
        let command = namespace.map { $0.entry + [path] + arguments } ?? [path] + arguments
        process.executableURL = URL(filePath: command[0])
        process.arguments = Array(command.dropFirst())
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    /// Reads standard output up to a line that holds `text`; nil when it ends before.
    func line(with text: String) -> String? { Self.line(with: text, from: output) }

    /// The same of standard error.
    func errorLine(with text: String) -> String? { Self.line(with: text, from: errors) }

    /// Nil also when nothing comes for minutes: a test is to fail, and not to hang.
    private static func line(with text: String, from pipe: Pipe) -> String? {
        var line: [UInt8] = []
        var query = pollfd(fd: pipe.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
        while poll(&query, 1, 120_000) == 1, let byte = try? pipe.fileHandleForReading.read(upToCount: 1)?.first {
            if byte == 0x0A {
                let read = String(decoding: line, as: UTF8.self)
                if read.contains(text) { return read }
                line = []
            } else {
                line.append(byte)
            }
        }
        return nil
    }

    var isRunning: Bool { process.isRunning }

    /// Once the program has ended, its number may be another one's.
    func signal(_ number: Int32) { if process.isRunning { kill(process.processIdentifier, number) } }

    /// Waits for the end: exit status, standard output, standard error. What the program writes fits into a pipe.
    func finish() -> (status: Int32, output: String, errors: String) {
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let complaints = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (
            process.terminationStatus, String(decoding: text, as: UTF8.self),
            String(decoding: complaints, as: UTF8.self)
        )
    }
}

/// `apus load` as a user calls it.
func apusLoad(_ arguments: String...) throws -> (status: Int32, output: String, errors: String) {
    try apusLoad(arguments)
}

/// `apus load` with a list of arguments.
func apusLoad(_ arguments: [String]) throws -> (status: Int32, output: String, errors: String) {
    try RunningProgram(Products.tool, ["load"] + arguments).finish()
}

/// A JSON report as a dictionary.
func jsonObject(_ text: String) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
}
