import ApusLoad

// A process that another one started for its share of a load has no command line of its own.
LoadProcess.runIfStarted()
let words = Array(CommandLine.arguments.dropFirst())
if words.starts(with: ["load", "agent"]) {
    LoadAgentCommand.main(Array(words.dropFirst(2)))
} else {
    ApusCommand.main()
}
