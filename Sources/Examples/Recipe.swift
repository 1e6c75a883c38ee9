/// One program of this collection.
struct Recipe {
    /// The first argument names it.
    let name: String
    /// What the list says of it.
    let about: String
    let kind: Kind

    enum Kind {
        /// Sets up workers, which `Worker.runAll()` then runs.
        case service(@MainActor ([String]) throws -> Void)
        /// Does its work and returns.
        case client(@MainActor ([String]) throws -> Void)
    }
}
