import Apus
import ArgumentParser

/// `apus doctor`: what the machine is like for servers. `doctor` of a server's own program knows its workers as well.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look for what keeps servers on this machine from running well.",
        discussion: "A server's own program has this command, too, and checks its addresses, users and files with it.")

    func run() throws {
        throw ExitCode(MainActor.assumeIsolated { Doctor.runForMachine() })
    }
}
