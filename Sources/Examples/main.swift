import Apus
import Glibc

let groups: [RecipeGroup] = [.connections, .http, .webSocket, .protocols, .cluster, .stores, .running]

func complain(_ line: String) { _ = write(STDERR_FILENO, line + "\n", line.utf8.count + 1) }

/// All recipes by their groups.
func printList() {
    print("usage: Examples <name> [<command>] [options]")
    let width = groups.flatMap(\.recipes).map(\.name.count).max() ?? 0
    for group in groups {
        print("\n\(group.title)")
        for recipe in group.recipes {
            print("  \(recipe.name)\(String(repeating: " ", count: width - recipe.name.count))   \(recipe.about)")
        }
    }
}

let arguments = CommandLine.arguments
guard arguments.count > 1, let recipe = groups.flatMap(\.recipes).first(where: { $0.name == arguments[1] }) else {
    printList()
    exit(64)
}
do {
    let options = Array(arguments.dropFirst(2))
    switch recipe.kind {
    case .service(let set): try set(options)
    case .client(let run):
        try run(options)
        exit(0)
    }
} catch {
    complain("\(recipe.name): \(error)")
    exit(error is OptionError ? 64 : 1)
}
// Workers run this program again, in the environment of the master: one of them all says it.
if arguments.dropFirst(2).first == "start", getenv("EXAMPLE_IS_TOLD") == nil {
    setenv("EXAMPLE_IS_TOLD", "1", 1)
    for line in recipe.tryIt { print("Try: \(line)") }
    fflush(nil)
}
Worker.runAll()
