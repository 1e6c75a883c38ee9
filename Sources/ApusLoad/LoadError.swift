import CApus

/// Why a load could not be put on.
public nonisolated enum LoadError: Error, CustomStringConvertible, Sendable {
    /// The options cannot be understood, or do not go together.
    case options(LoadOptionsError)
    /// No connection to the target could be made, so that nothing was measured.
    case cannotConnect(target: String, cause: String)
    /// The system refused something that every load needs.
    case system(action: String, cause: String)
    /// A process that put on part of the load ended without telling what it did.
    case processLost
    /// An agent did not let this host in, or ended without telling what it did. The cause goes on after its address.
    case agent(LoadAgentAddress, cause: String)

    /// One line for the user.
    public var description: String {
        switch self {
        case .options(let error): error.description
        case .cannotConnect(let target, let cause): "cannot connect to \(target): \(cause)"
        case .system(let action, let cause): "cannot \(action): \(cause)"
        case .agent(let address, let cause): "agent \(address) \(cause)"
        case .processLost: "a process of the load ended before its time; its part is missing, so there is no report"
        }
    }

    static func agent(_ address: LoadAgentAddress, _ cause: String) -> LoadError { .agent(address, cause: cause) }

    static func system(_ action: String, errno: Int32) -> LoadError {
        .system(action: action, cause: String(cString: capus_error_text(errno)))
    }
}
