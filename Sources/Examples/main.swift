import Apus
import Glibc

/// Each recipe is one file; the first argument names it.
let recipes: [(name: String, about: String, set: @MainActor ([String]) throws -> Void)] = [
    ("AllProtocols", "every protocol on a port of its own, for trying out and measuring", AllProtocols.set),
    ("TCPProxy", "hands every connection on to another server", TCPProxy.set),
]

let arguments = CommandLine.arguments
guard arguments.count > 1, let recipe = recipes.first(where: { $0.name == arguments[1] }) else {
    print("usage: Examples <name> <command> [options]\n")
    for recipe in recipes { print("  \(recipe.name)   \(recipe.about)") }
    exit(64)
}
do {
    try recipe.set(Array(arguments.dropFirst(2)))
} catch {
    print("\(recipe.name): \(error)")
    exit(64)
}
Worker.runAll()
