import ApusLoad
import ArgumentParser

extension LoadCommand {
    /// `--json URL`: what looks like the target is the target, not a file.
    private var jsonTookURL: Bool { url == nil && json?.contains("://") == true }

    /// Where the JSON report goes: nil for nowhere, "-" for standard output.
    var jsonOutput: String? { jsonTookURL ? "-" : json }

    /// The options as the library takes them.
    func loadOptions() throws -> LoadOptions {
        guard let url = url ?? (jsonTookURL ? json : nil) else {
            throw ValidationError("the URL of the server is missing: apus load http://127.0.0.1:8080/")
        }
        var options = LoadOptions(url: url)
        options.unixPath = unix
        options.connections = connections
        options.processes = threads
        options.duration = try duration.map { try Self.duration($0, of: "--duration") }
        options.requests = requests
        options.keepsAlive = !noKeepAlive
        options.pipelineDepth = pipeline
        options.method = method
        options.headers = try header.map { try HeaderField($0) }
        options.timeout = try Self.duration(timeout, of: "--timeout")
        options.body = try body.map { try BodySource.read($0) }
        return options
    }

    private static func duration(_ text: String, of option: String) throws -> Duration {
        guard let duration = DurationText.parse(text) else {
            throw ValidationError("\(option) \(text): give it as 500ms, 10s or 2m")
        }
        return duration
    }
}
