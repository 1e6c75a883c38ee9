import Apus

/// The options of an example: `--name VALUE`, beside those that Apus reads itself.
struct Options {
    private let arguments: [String]

    init(_ arguments: [String]) { self.arguments = arguments }

    /// The value behind `--name`, nil when it is not there.
    func value(_ name: String) -> String? {
        guard let index = arguments.firstIndex(of: "--" + name), index + 1 < arguments.count else { return nil }
        return arguments[index + 1]
    }

    /// The number behind `--name`.
    func number(_ name: String) throws -> Int? {
        guard let text = value(name) else { return nil }
        guard let number = Int(text) else { throw OptionError(description: "--\(name) needs a number, not \(text)") }
        return number
    }
}

/// An option that cannot be understood.
struct OptionError: Error, CustomStringConvertible {
    let description: String
}
