import Apus
import ApusLoad
import ArgumentParser

/// The command-line tool of Apus.
nonisolated struct ApusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus",
        abstract: "Tools for Apus, the event-driven network server framework.",
        version: MainActor.assumeIsolated { WorkerBase.version },
        subcommands: [LoadCommand.self])
}
