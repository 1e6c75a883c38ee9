import ApusLoad
import ArgumentParser

/// `apus load agent`. A command of its own: the parser would take the word for the URL of `apus load`.
struct LoadAgentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus load agent",
        abstract: "Put on a share of a load for apus load --agents on another host.",
        discussion: LoadAgentHelp.discussion)

    @Option(help: "Where to listen; port 0 lets the system choose one.")
    var listen = "127.0.0.1:\(LoadAgentAddress.defaultPort)"

    @Option(
        name: [.customShort("t", allowingJoined: true), .long],
        help: "Processes that put on its share; one keeps one core busy.")
    var threads = 1

    @Option(help: "A file with the secret; else APUS_LOAD_SECRET is taken.")
    var secretFile: String?

    func run() throws {
        do {
            let address = try LoadAgentAddress(listen, option: "--listen")
            let secret = try LoadAgentSecret.read(file: secretFile)
            throw ExitCode(LoadAgent(on: address, processes: threads, secret: secret).run().rawValue)
        } catch let error as LoadOptionsError {
            throw ValidationError(error.description)
        }
    }
}
