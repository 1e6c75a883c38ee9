/// The options of a scenario: `--name VALUE`.
struct Options {
    private let arguments: [String]

    init(_ arguments: [String]) { self.arguments = arguments }

    /// The value behind `--name`; nil when it is not there.
    subscript(name: String) -> String? {
        guard let index = arguments.firstIndex(of: "--" + name), index + 1 < arguments.count else { return nil }
        return arguments[index + 1]
    }

    /// The number behind `--name`.
    func number(_ name: String) -> Int? { self[name].flatMap { Int($0) } }

    /// Where the scenario's server listens.
    var address: String { self["listen"] ?? "127.0.0.1:0" }
}
