import ApusProtocols
import Glibc

/// Where a new package gets Apus from.
nonisolated struct ApusDependency {
    /// As the manifest says it, behind `.package(`.
    let requirement: String
    /// What products of it are asked for by.
    let package: String
    /// The folder of this machine that it is in, as the manifest names it; nil where it is fetched.
    let folder: String?
    /// What the user is told.
    let note: String

    /// A checkout of the repository, for a package in `destination`; both are whole paths.
    init(checkout: String, for destination: String, note: String) {
        // Side by side they may be moved together.
        let folder = Self.parent(checkout) == Self.parent(destination) ? "../\(Self.last(checkout))" : checkout
        self.folder = folder
        requirement = "name: \"apus\", path: \(Self.literal(folder))"
        package = "apus"
        self.note = note
    }

    /// A repository, in a version or on a branch.
    init(url: String, version: String?, branch: String?, current: String) throws(ProjectError) {
        if let version, !Self.isVersion(version) {
            throw ProjectError("--apus-version \(version): give it as \(current)")
        }
        let which = branch.map { "branch: \(Self.literal($0))" } ?? "from: \(Self.literal(version ?? current))"
        requirement = "url: \(Self.literal(url)), \(which)"
        var name = Self.last(url)
        if name.hasSuffix(".git") { name = String(name.dropLast(4)) }
        guard !name.isEmpty else { throw ProjectError("--apus \(url): it names no repository") }
        package = name
        folder = nil
        note = "\(url), \(branch.map { "branch \($0)" } ?? "version \(version ?? current) or later")"
    }

    static func isURL(_ text: String) -> Bool { text.contains("://") || text.hasPrefix("git@") }

    /// Whether a folder is a checkout of the repository.
    static func isCheckout(_ folder: String) -> Bool {
        TextFile.read(folder + "/Package.swift")?.contains("name: \"apus\"") ?? false
    }

    /// The checkout that an executable was built in: one of the folders that it is in.
    static func checkout(around executable: String) -> String? {
        var folder = parent(executable)
        while folder.count > 1 {
            if isCheckout(folder) { return folder }
            folder = parent(folder)
        }
        return nil
    }

    private static func isVersion(_ text: String) -> Bool {
        let numbers = text.split(atASCII: ".", omittingEmptySubsequences: false)
        return numbers.count == 3 && numbers.allSatisfy { !$0.isEmpty && $0.allSatisfy { ("0"..."9").contains($0) } }
    }

    private static func parent(_ path: String) -> String {
        let end = path.lastIndex(ofASCII: "/") ?? path.startIndex
        return end == path.startIndex ? "/" : String(path[..<end])
    }

    private static func last(_ path: String) -> String {
        path.split { "/:".contains($0) }.last.map(String.init) ?? ""
    }

    /// A literal of Swift.
    private static func literal(_ text: String) -> String {
        "\"" + text.escaped { $0 == "\"" || $0 == "\\" ? "\\\($0)" : nil } + "\""
    }
}
