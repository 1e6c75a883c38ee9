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

    init(_ path: String, _ arguments: [String]) throws {
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    /// Reads standard output up to a line that holds `text`; nil when it ends before.
    func line(with text: String) -> String? {
        var line: [UInt8] = []
        while let byte = try? output.fileHandleForReading.read(upToCount: 1)?.first {
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

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

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
