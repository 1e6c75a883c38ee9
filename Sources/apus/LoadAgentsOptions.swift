import ApusLoad
import ApusProtocols
import ArgumentParser

/// From which other hosts `apus load` puts on its load.
struct LoadAgentsOptions: ParsableArguments {
    @Option(help: "Let agents put on the load: host1,host2:7788; see apus load agent --help.")
    var agents: String?

    @Option(help: "A file with the agents' secret; else APUS_LOAD_SECRET is taken.")
    var secretFile: String?

    /// Where the agents listen.
    func addresses() throws -> [LoadAgentAddress] {
        try (agents?.split(atASCII: ",", omittingEmptySubsequences: false) ?? []).map {
            try LoadAgentAddress(String($0), option: "--agents")
        }
    }

    func validate() throws {
        if secretFile != nil, agents == nil { throw ValidationError("--secret-file goes with --agents") }
    }
}
