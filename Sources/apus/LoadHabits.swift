import ApusLoad
import ArgumentParser

/// Options that people know from wrk and ab, where they are not those of `apus load` anyway.
struct LoadHabits: ParsableArguments {
    /// wrk: latencies are always reported.
    @Flag
    var latency = false

    /// wrk: a script in Lua.
    @Option(name: .customShort("s"))
    var script: String?

    /// ab: connections are kept alive unless told otherwise.
    @Flag(name: .customShort("k"))
    var keepAlive = false

    /// ab: the file that is posted.
    @Option(name: .customShort("p"))
    var post: String?

    /// ab: the type of what is posted.
    @Option(name: .customShort("T"))
    var type: String?

    /// ab: where milliseconds by percent go.
    @Option(name: .customShort("e"))
    var percentages: String?

    /// ab: where a line for each request goes.
    @Option(name: .customShort("g"))
    var requests: String?

    func validate() throws {
        if requests != nil {
            throw ValidationError(
                """
                -g: a line for each request is not written. --csv has the run second by second, --hgrm the \
                distribution of the latencies, --html plots of both.
                """)
        }
        if script != nil {
            throw ValidationError(
                """
                -s: scripts of wrk are not run. Method, fields and body: -m, -H, --body; several requests at once: \
                --pipeline; more than that in Swift, with the library ApusLoad.
                """)
        }
    }

    /// The body as `--body` takes it.
    var body: String? { post.map { "@" + $0 } }

    /// The fields as `-H` takes them.
    var fields: [String] { type.map { ["Content-Type: " + $0] } ?? [] }
}
