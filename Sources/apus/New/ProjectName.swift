/// What a new package is called, and what its parts are called after it.
nonisolated struct ProjectName: Equatable {
    /// Of the package and its program: "my-shop".
    let program: String

    static let maxCount = 50

    init(_ text: String) throws(ProjectError) {
        if let fault = Self.fault(text) { throw ProjectError("\(text.isEmpty ? "an empty name" : text): \(fault)") }
        program = text
    }

    /// The library that holds what the program does: "MyShopKit".
    var module: String { words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined() + "Kit" }

    /// Of a container image, which has no capital letters: "my-shop".
    var image: String { program.lowercased() }

    private var words: [Substring] { program.split { "-_".contains($0) } }

    private static func fault(_ text: String) -> String? {
        let isLetter = { (character: Character) in character.isASCII && character.isLetter }
        let isFit = { (character: Character) in
            isLetter(character) || character.isASCII && character.isNumber || "-_".contains(character)
        }
        guard let first = text.first else { return "a package needs a name" }
        if let bad = text.first(where: { !isFit($0) }) {
            let hint = bad == "/" ? "; --path says where it is made" : ""
            return "a name has letters of ASCII, digits, - and _, and not \"\(bad)\"\(hint)"
        }
        if !isLetter(first) { return "a name begins with a letter, as that of a Swift module does" }
        if let last = text.last, !(isLetter(last) || last.isNumber) { return "a name ends with a letter or a digit" }
        if text.count > maxCount { return "a name has at most \(maxCount) characters" }
        if keywords.contains(text) { return "it is a word of the language Swift" }
        if taken.contains(text.lowercased()) { return "it is the name of something that a server is built of" }
        return nil
    }

    /// The compiler takes none of them for the name of a module where that is imported.
    private static let keywords: Set = [
        "actor", "any", "as", "associatedtype", "async", "await", "break", "case", "catch", "class", "continue",
        "default", "defer", "deinit", "do", "else", "enum", "extension", "fallthrough", "false", "fileprivate", "for",
        "func", "guard", "if", "import", "in", "init", "inout", "internal", "is", "let", "nil", "nonisolated", "open",
        "operator", "package", "precedencegroup", "private", "protocol", "public", "repeat", "rethrows", "return",
        "self", "Self", "some", "static", "struct", "subscript", "super", "switch", "throw", "throws", "true", "try",
        "Type", "typealias", "var", "where", "while",
    ]

    /// Modules that a server uses, targets of Apus, and folders that a build makes beside the program; compared
    /// without case.
    private static let taken: Set = [
        "swift", "builtin", "main", "foundation", "foundationessentials", "foundationnetworking", "dispatch", "glibc",
        "synchronization", "testing", "xctest", "observation", "regexbuilder", "distributed",
        "apus", "apusprotocols", "apusweb", "apusclient", "apuscluster", "apusredis", "apusmysql", "apusnats",
        "apusstomp", "apussystem", "apuszeromq", "apusobservability", "apusload", "apustesting", "capus", "clibevent",
        "ccares", "clinux", "cmariadb", "czlib", "czeromq", "csimulation",
        "index", "modulecache", "modules", "plugins",
    ]
}

/// Why no package was made.
nonisolated struct ProjectError: Error, CustomStringConvertible, Equatable {
    let description: String

    init(_ description: String) { self.description = description }
}
