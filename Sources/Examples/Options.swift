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

    /// Whether `--name` is there, which has no value.
    func has(_ name: String) -> Bool { arguments.contains("--" + name) }

    /// The value behind `--name`, which must be there.
    func required(_ name: String) throws -> String {
        guard let value = value(name) else { throw OptionError(description: "--\(name) is needed") }
        return value
    }

    /// The number behind `--name`.
    func number(_ name: String) throws -> Int? {
        guard let text = value(name) else { return nil }
        guard let number = Int(text) else { throw OptionError(description: "--\(name) needs a number, not \(text)") }
        return number
    }

    /// The seconds behind `--name`, more than 0 and in parts if need be; `usual` when it is not there.
    func seconds(_ name: String, or usual: Double) throws -> Double {
        guard let text = value(name) else { return usual }
        guard let seconds = Double(text), seconds > 0, seconds.isFinite else {
            throw OptionError(description: "--\(name) needs a number of seconds, not \(text)")
        }
        return seconds
    }

    /// What is neither an option nor its value: the messages of a client.
    var words: [String] {
        arguments.indices.filter { index in
            !arguments[index].hasPrefix("--") && (index == 0 || !arguments[index - 1].hasPrefix("--"))
        }.map { arguments[$0] }
    }
}

/// An option that cannot be understood.
struct OptionError: Error, CustomStringConvertible {
    let description: String
}
