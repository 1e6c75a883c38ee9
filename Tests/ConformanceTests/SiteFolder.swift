import Glibc
import TestSupport

/// A folder with a site in it, `root`, and room beside that.
final class SiteFolder: Sendable {
    private let outer: TemporaryFolder
    /// What is served.
    let root: String

    init() throws {
        outer = try TemporaryFolder()
        root = outer.file("site")
        guard mkdir(root, 0o755) == 0 else { throw Failure("mkdir") }
    }

    deinit { Self.remove(outer.path) }

    private static func remove(_ path: String) {
        var names: [[CChar]] = []
        if let folder = opendir(path) {
            while let entry = readdir(folder) {
                names.append(
                    withUnsafeBytes(of: &entry.pointee.d_name) {
                        Array($0.prefix { $0 != 0 }).map(CChar.init(bitPattern:))
                    })
            }
            closedir(folder)
        }
        for name in names where name != [0x2E] && name != [0x2E, 0x2E] {
            // Names need not be UTF-8.
            let place = Array("\(path)/".utf8CString.dropLast()) + name + [0]
            if unlink(place) != 0 {
                remove(String(decoding: place.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
            }
        }
        rmdir(path)
    }

    /// The path of a file of the site.
    func file(_ name: String) -> String { "\(root)/\(name)" }

    /// The path of something beside the site.
    func beside(_ name: String) -> String { outer.file(name) }

    /// Makes a folder of the site.
    func makeFolder(_ name: String) { mkdir(file(name), 0o755) }

    /// Writes a file that was changed `age` seconds ago: those that have just been changed are treated with care.
    func write(_ text: String, to name: String, age: Int = 60) throws {
        let path = name.hasPrefix("/") ? name : file(name)
        try writeText(text, to: path)
        chmod(path, 0o644)
        let time = timespec(tv_sec: Glibc.time(nil) - age, tv_nsec: 0)
        utimensat(AT_FDCWD, path, [time, time], 0)
    }

    /// Makes a symbolic link in the site.
    func link(_ name: String, to target: String) { symlink(target, file(name)) }
}

/// Runs the `site` scenario over a folder for `body`.
func withSite(
    _ setup: Setup, _ options: [String] = [], _ body: @Sendable (ScenarioServer, SiteFolder) throws -> Void
) async throws {
    let folder = try SiteFolder()
    try await withScenario("site", setup, ["--root", folder.root] + options) { try body($0, folder) }
}
