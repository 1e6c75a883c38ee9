import Glibc
import TestSupport

/// A package that `apus new` made, compiled against the library that was built with the tests: SwiftPM would build
/// that again, which takes minutes.
final class GeneratedProject {
    let folder: TemporaryFolder
    private let name: String
    private let module: String
    private static let products = ServerProcess.folderOfPrograms

    init(_ name: String, _ module: String, template: String) throws {
        folder = try TemporaryFolder()
        self.name = name
        self.module = module
        let path = folder.file("package")
        try run("apus", ["new", name, "--template", template, "--path", path])
        mkdir(folder.file("built"), 0o755)
    }

    /// The program itself.
    var program: String { folder.file("built/\(name)") }

    /// Compiles the library, the program and the tests, as the manifest says.
    func build() throws {
        let compile = ["swiftc", "-swift-version", "6", "-Onone", "-I", folder.file("built")] + (try Self.importing())
        let onTheLoop = ["-default-isolation", "MainActor"]
        let object = folder.file("built/\(module).o")
        try run(
            "/usr/bin/env",
            compile + onTheLoop + [
                "-module-name", module, "-parse-as-library", "-enable-testing", "-wmo", "-emit-module",
                "-emit-module-path", folder.file("built/\(module).swiftmodule"), "-emit-object", "-o", object,
            ] + sources("package/Sources/\(module)"))
        let link = [object] + (try Self.objects()) + ["-levent_core", "-lssl", "-lcrypto", "-lz"]
        try run(
            "/usr/bin/env",
            compile + onTheLoop + ["-module-name", name.replacing("-", with: "_"), "-o", program]
                + sources("package/Sources/\(name)") + link)
        // As SwiftPM makes the program of tests.
        let runner = folder.file("built/Runner.swift")
        try writeText(
            """
            import Testing

            @main struct Runner {
                static func main() async { await Testing.__swiftPMEntryPoint() as Never }
            }

            """, to: runner)
        try run(
            "/usr/bin/env",
            compile + ["-module-name", "\(module)Tests", "-parse-as-library", "-o", folder.file("built/tests"), runner]
                + sources("package/Tests/\(module)Tests") + link)
    }

    /// Runs its tests, and returns what they say.
    func test(_ backend: String) throws -> (status: ExitStatus, report: String) {
        let own = try TemporaryFolder()
        let tests = try ServerProcess(
            folder.file("built/tests"), ["--testing-library", "swift-testing"], in: own,
            ServerProcess.Launch(environment: ["APUS_BACKEND": backend]))
        let output = try tests.outputToEnd(within: Self.patience)
        return (try tests.waitForExit(), output + tests.errorText)
    }

    /// Seconds that a compiler may take on a busy machine.
    private static let patience = 900.0

    private func run(_ program: String, _ arguments: [String]) throws {
        let own = try TemporaryFolder()
        let process = try ServerProcess(program, arguments, in: own)
        let output = try process.outputToEnd(within: Self.patience)
        let status = try process.waitForExit()
        guard status == .code(0) else {
            throw Failure("\(arguments.prefix(8)) ended with \(status): \(output)\(process.errorText)")
        }
    }

    /// The files of Swift in a folder, and in those in it.
    private func sources(_ path: String) -> [String] {
        folder.names(in: folder.file(path)).sorted().flatMap { name in
            name.hasSuffix(".swift") ? [folder.file("\(path)/\(name)")] : sources("\(path)/\(name)")
        }
    }

    /// What the compiler finds the modules of Apus with.
    private static func importing() throws -> [String] {
        // A checkout has its products in .build, or in another folder at its top.
        var root = products[...]
        while access("\(root)/Package.swift", F_OK) != 0 {
            guard let slash = root.lastIndex(of: "/") else { throw Failure("no checkout around \(products)") }
            root = root[..<slash]
        }
        let maps = ["CApus/include", "CLibevent", "CZlib"].map { "\(root)/CSources/\($0)/module.modulemap" }
        return ["-I", "\(products)/Modules"] + maps.flatMap { ["-Xcc", "-fmodule-map-file=\($0)"] }
    }

    /// What was compiled of the libraries that a template uses.
    private static func objects() throws -> [String] {
        guard let list = readText("\(products)/apus.product/Objects.LinkFileList") else {
            throw Failure("no list of objects in \(products)")
        }
        let modules = ["CApus", "ApusProtocols", "Apus", "ApusRedis", "ApusWeb"]
        let objects = list.split(separator: "\n").map(String.init).filter { path in
            modules.contains { path.contains("/\($0).build/") }
        }
        guard !objects.isEmpty else { throw Failure("no objects in \(list.prefix(500))") }
        return objects
    }
}
