import CApus

/// What the operating system refused, and why.
public nonisolated struct SystemError: Error, CustomStringConvertible, Sendable, Equatable {
    /// What was tried.
    public let action: String
    /// The errno.
    public let code: Int32

    package init(_ action: String, _ code: Int32) {
        self.action = action
        self.code = code
    }

    /// The error of the C call made last.
    static func last(_ action: String) -> SystemError { SystemError(action, capus_last_error()) }

    /// "bind 127.0.0.1:80: Permission denied"
    public var description: String { "\(action): \(String(cString: capus_error_text(code)))" }
}
