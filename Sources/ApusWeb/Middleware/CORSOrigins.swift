/// The sites whose pages may read what a server answers; see `Middleware.cors`.
public enum CORSOrigins: ExpressibleByArrayLiteral {
    /// Every site.
    case any
    /// Those with one of these origins: scheme, host, and port unless it is the usual one, as "https://example.com".
    case list([String])
    /// Those whose origin the closure accepts.
    case matching(@MainActor (_ origin: String) -> Bool)

    public init(arrayLiteral origins: String...) { self = .list(origins) }

    func contains(_ origin: String) -> Bool {
        switch self {
        case .any: true
        case .list(let origins): origins.contains(origin)
        case .matching(let isAllowed): isAllowed(origin)
        }
    }
}
