/// An option that cannot be understood, or options that do not go together.
public nonisolated struct LoadOptionsError: Error, CustomStringConvertible, Sendable, Equatable {
    /// Which option, as it is called on the command line.
    public let option: String
    /// What is wrong with it, and what to do.
    public let reason: String

    package init(_ option: String, _ reason: String) {
        self.option = option
        self.reason = reason
    }

    /// One line for the user.
    public var description: String { "\(option): \(reason)" }
}
