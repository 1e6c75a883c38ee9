/// What a visitor does, written in Swift: one request after the other, each with what was answered to the one before
/// in view.
///
///     struct Purchase: LoadScenario {
///         private var step = 0
///
///         mutating func next(after response: LoadResponse?) -> LoadRequest? {
///             step += 1
///             switch step {
///             case 1: return LoadRequest("/login", method: "POST", body: Array("user=1".utf8))
///             case 2: return response?.status == 200 ? LoadRequest("/cart") : nil
///             default: return nil
///             }
///         }
///     }
///
///     let report = try LoadRun.run(options, scenario: { Purchase() })
///
/// Each connection has a visitor of its own, whose cookies are its own where the options keep them. A visit that is
/// over is followed by another one on the same connection, with a new scenario and no cookies.
public protocol LoadScenario {
    /// The next request, or nil when the visit is over; the first request of a visit has to be one. `response` is the
    /// answer to the one before, nil at the beginning. A request that fails ends the visit.
    nonisolated mutating func next(after response: LoadResponse?) -> LoadRequest?
}

/// What was answered to a request of a scenario.
public nonisolated struct LoadResponse: Sendable {
    /// The status.
    public let status: UInt16
    /// The fields of the head, in their order.
    public let headers: [(name: String, value: String)]
    /// The body; of more than 16 MiB the first.
    public let body: [UInt8]

    /// The value of the first field with that name, in any case.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}
