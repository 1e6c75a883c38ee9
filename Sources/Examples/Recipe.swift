/// One program of this collection.
struct Recipe {
    /// The first argument names it.
    let name: String
    /// What the list says of it.
    let about: String
    /// What to type, or to open, once it runs: a line each. Empty where `about` and the options say it.
    let tryIt: [String]
    let kind: Kind

    enum Kind {
        /// Sets up workers, which `Worker.runAll()` then runs.
        case service(@MainActor ([String]) throws -> Void)
        /// Does its work and returns.
        case client(@MainActor ([String]) throws -> Void)
    }

    init(_ name: String, _ about: String, tryIt: [String] = [], _ kind: Kind) {
        self.name = name
        self.about = about
        self.tryIt = tryIt
        self.kind = kind
    }
}

/// Recipes about the same matter, which share a folder.
struct RecipeGroup {
    let title: String
    let recipes: [Recipe]
}
