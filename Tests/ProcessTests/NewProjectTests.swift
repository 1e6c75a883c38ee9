import Glibc
import TestSupport
import Testing

/// `apus new`, up to the files that it makes.
@Suite struct NewProjectTests {
    private static let templates = ["http", "websocket", "tcp", "full"]

    private struct Outcome {
        let status: TestSupport.ExitStatus
        let output: String
        let errors: String
    }

    private func run(
        _ arguments: [String], in folder: TemporaryFolder, _ launch: ServerProcess.Launch = ServerProcess.Launch()
    ) throws -> Outcome {
        // What it says stands beside the folder that it works in.
        let own = try TemporaryFolder()
        let inFolder = ["/bin/sh", "-c", "cd '\(folder.path)'; exec \"$@\"", "sh"]
        let process = try ServerProcess(
            "apus", ["new"] + arguments, in: own, ServerProcess.Launch(under: inFolder + launch.under))
        let output = try process.outputToEnd()
        return Outcome(status: try process.waitForExit(), output: output, errors: process.errorText)
    }

    /// All files below a folder.
    private func files(_ folder: TemporaryFolder, below path: String) -> [String] {
        folder.names(in: path).flatMap { name in
            let inner = files(folder, below: "\(path)/\(name)")
            return inner.isEmpty ? [name] : inner.map { "\(name)/\($0)" }
        }.sorted()
    }

    @Test(arguments: templates)
    func aPackageIsMade(_ template: String) async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            let made = try run(["my-shop", "--template", template], in: folder)
            #expect(made.status == .code(0) && made.errors == "")
            for line in ["cd my-shop", "swift run my-shop start", "swift test", "the checkout that this tool"] {
                #expect(made.output.contains(line), "\(made.output)")
            }
            let files = files(folder, below: folder.file("my-shop"))
            for file in [
                ".dockerignore", ".gitignore", "Dockerfile", "Package.swift", "README.md", "Sources/my-shop/main.swift",
                "Sources/MyShopKit/Server.swift", "Tests/MyShopKitTests/SettingsTests.swift", "deploy/my-shop.service",
            ] { #expect(files.contains(file), "\(files)") }
            #expect(made.output.contains("\(files.count) files"))
            for file in files {
                let text = folder.text("my-shop/\(file)")
                #expect(text.hasSuffix("\n") && !text.hasSuffix("\n\n"), "\(file)")
                #expect(!text.contains("{{") && !text.contains("}}"), "\(file) has a mark that stands for nothing")
                let long = text.split(separator: "\n").filter { $0.count > 120 }
                #expect(long.isEmpty || file == "README.md", "\(file): \(long)")
            }
            let manifest = folder.text("my-shop/Package.swift")
            #expect(manifest.contains(".defaultIsolation(MainActor.self)") && manifest.contains("[.v6]"))
            #expect(manifest.contains(".package(name: \"apus\", path: \"/"))
            #expect(folder.text("my-shop/Dockerfile").contains("COPY --from=apus"))
            let unit = try ServerProcess(
                "apus", ["systemd-unit", "/opt/my-shop/my-shop", "--user", "www-data"], in: folder)
            #expect(folder.text("my-shop/deploy/my-shop.service") == (try unit.outputToEnd()) + "\n")
        }
    }

    @Test func namesThatArePossibleAreTaken() async throws {
        try await TestThreads.light.run {
            for (name, module) in [
                ("a", "AKit"), ("Shop2", "Shop2Kit"), ("my_shop-2", "MyShop2Kit"), ("apus-demo", "ApusDemoKit"),
                (String(repeating: "x", count: 50), "X" + String(repeating: "x", count: 49) + "Kit"),
            ] {
                let folder = try TemporaryFolder()
                #expect(try run([name], in: folder).status == .code(0))
                #expect(folder.names(in: folder.file(name) + "/Sources").sorted() == [name, module].sorted())
            }
        }
    }

    @Test func namesThatAreNotAreRefused() async throws {
        try await TestThreads.light.run {
            for (name, complaint) in [
                ("", "a package needs a name"), ("2shop", "begins with a letter"), ("my shop", "and not \" \""),
                ("shöp", "and not \"ö\""), ("a/b", "--path says where"), ("..", "and not \".\""),
                ("shop-", "ends with a letter"), ("a;rm", "and not \";\""), ("class", "a word of the language"),
                ("Swift", "something that a server is built of"), ("apus", "something that a server is built of"),
                ("ApusWeb", "something that a server is built of"), ("modules", "something that a server is built of"),
                (String(repeating: "x", count: 51), "at most 50 characters"),
            ] {
                let folder = try TemporaryFolder()
                let refused = try run([name], in: folder)
                #expect(refused.status == .code(64) && refused.errors.contains(complaint), "\(name): \(refused)")
                #expect(folder.names.isEmpty)
            }
        }
    }

    @Test func optionsThatDoNotFitAreRefused() async throws {
        try await TestThreads.light.run {
            for (options, complaint) in [
                (["--template", "ftp"], "ftp"), (["--apus-version", "1.0.0"], "go with --apus URL"),
                (["--apus", "/tmp"], "/tmp is no checkout of Apus"),
                (["--apus", "https://example.com/apus.git", "--apus-version", "latest"], "--apus-version latest"),
                (
                    ["--apus", "https://example.com/a", "--apus-version", "1.0.0", "--apus-branch", "main"],
                    "exclude each other"
                ),
            ] {
                let folder = try TemporaryFolder()
                let refused = try run(["shop"] + options, in: folder)
                #expect(refused.status == .code(64) && refused.errors.contains(complaint), "\(options): \(refused)")
                #expect(folder.names.isEmpty)
            }
        }
    }

    @Test func apusMayBeFetched() async throws {
        try await TestThreads.light.run {
            for (options, requirement) in [
                (["https://example.com/x/apus.git"], "url: \"https://example.com/x/apus.git\", from: \"0."),
                (
                    ["git@example.com:apus", "--apus-version", "1.2.3"],
                    "url: \"git@example.com:apus\", from: \"1.2.3\""
                ),
                (
                    ["https://example.com/apus", "--apus-branch", "main"],
                    "url: \"https://example.com/apus\", branch: \"main\""
                ),
            ] {
                let folder = try TemporaryFolder()
                let made = try run(["shop", "--apus"] + options, in: folder)
                #expect(made.status == .code(0) && made.output.contains("Apus comes from \(options[0])"), "\(made)")
                let manifest = folder.text("shop/Package.swift")
                #expect(manifest.contains(".package(\(requirement)"), "\(manifest)")
                #expect(manifest.contains(".product(name: \"Apus\", package: \"apus\")"))
                #expect(!folder.text("shop/Dockerfile").contains("--from=apus"))
            }
        }
    }

    /// What a checkout is called does not matter; beside the package it is named so that both may be moved.
    @Test func aCheckoutMayBeNamed() async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            mkdir(folder.file("fork"), 0o755)
            try writeText("let package = Package(\n    name: \"apus\"\n)", to: folder.file("fork/Package.swift"))
            #expect(try run(["shop", "--apus", "fork"], in: folder).status == .code(0))
            #expect(folder.text("shop/Package.swift").contains(".package(name: \"apus\", path: \"../fork\")"))
            #expect(folder.text("shop/Dockerfile").contains("COPY --from=apus [\"Sources\", \"/src/fork/Sources\"]"))
            #expect(try run(["shop", "--apus", "fork", "--path", "a/b"], in: folder).status == .code(0))
            #expect(folder.text("a/b/Package.swift").contains("path: \"\(folder.file("fork"))\")"))
        }
    }

    @Test func whatIsThereIsNotTouched() async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            mkdir(folder.file("shop"), 0o755)
            try writeText("mine", to: folder.file("shop/README.md"))
            try writeText("mine", to: folder.file("file"))
            for (options, complaint) in [([], "shop is not empty"), (["--path", "file"], "file: Not a directory")] {
                let refused = try run(["shop"] + options, in: folder)
                #expect(refused.status == .code(1) && refused.errors.contains(complaint), "\(refused)")
            }
            #expect(folder.names.sorted() == ["file", "shop"] && folder.text("file") == "mine")
            #expect(folder.names(in: folder.file("shop")) == ["README.md"] && folder.text("shop/README.md") == "mine")
            // An empty folder, or one that only git has been in, is as good as none.
            mkdir(folder.file("empty"), 0o755)
            mkdir(folder.file("empty/.git"), 0o755)
            #expect(try run(["shop", "--path", "empty"], in: folder).status == .code(0))
            #expect(folder.text("empty/Package.swift").contains("name: \"shop\""))
        }
    }

    /// A file that cannot be written whole takes all others with it, and the folders above them.
    @Test func nothingIsLeftOfHalfAPackage() async throws {
        try await TestThreads.light.run {
            let folder = try TemporaryFolder()
            mkdir(folder.file("empty"), 0o755)
            // Files of at most 1 KiB, without the signal that would end the program.
            let limited = ServerProcess.Launch(
                under: ["/bin/bash", "-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "bash"])
            for path in ["a/b/shop", "empty"] {
                let failed = try run(["shop", "--path", path], in: folder, limited)
                #expect(failed.status == .code(1) && failed.errors.contains("File too large"), "\(failed)")
                #expect(folder.names == ["empty"] && folder.names(in: folder.file("empty")).isEmpty)
            }
        }
    }
}
