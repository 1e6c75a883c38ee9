import ArgumentParser
import ApusLoad

/// The command-line tool of Apus.
nonisolated struct ApusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus",
        abstract: "Tools for Apus, the event-driven network server framework.",
        version: LoadReport.version,
        subcommands: [LoadCommand.self])
}
