/// What happens when an `async` body is due again while it still runs.
public nonisolated enum OverlapPolicy: Sendable, Hashable {
    /// That run is left out.
    case skip
    /// Both run, each until its next `await`.
    case overlap
    /// That run begins when the ones before it have ended. A body that always takes longer than its interval falls
    /// behind more and more.
    case queue
}
