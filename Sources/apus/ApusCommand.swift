import Apus
import ApusLoad
import ArgumentParser

/// The command-line tool of Apus.
struct ApusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus",
        abstract: "Tools for Apus, the event-driven network server framework.",
        version: MainActor.assumeIsolated { Worker.version },
        subcommands: [
            NewCommand.self, ServeCommand.self, LoadCommand.self, DoctorCommand.self, SystemdUnitCommand.self,
        ])
}
