import ApusLoad
import ArgumentParser

extension LoadCommand {
    /// `--json URL`: what looks like the target is the target, not a file.
    private var jsonTookURL: Bool { url == nil && json?.contains("://") == true }

    func validate() throws {
        do {
            var options = try options()
            let rates = try rates()
            if !rates.isEmpty {
                guard rate == nil, requests == nil else {
                    throw ValidationError("--steps goes with --duration, not with --rate or --requests")
                }
                guard html == nil, csv == nil, hgrm == nil else {
                    throw ValidationError("--html, --csv and --hgrm are of a single run; --steps has --json")
                }
                options.rate = rates[0]
            }
            try options.validate()
        } catch let error as LoadOptionsError {
            throw ValidationError(error.description)
        }
    }

    func run() throws {
        var program = LoadProgram(try options())
        program.jsonPath = jsonTookURL ? "-" : json
        program.htmlPath = html
        program.csvPath = csv
        program.hgrmPath = hgrm
        program.rates = try rates()
        program.isQuiet = quiet
        do throws(LoadOptionsError) {
            program.options.body = try (body ?? habits.body).map(RequestBody.read)
        } catch {
            LoadProgram.complain("\(error)")
            throw ExitCode(LoadProgram.ExitStatus.usage.rawValue)
        }
        throw ExitCode(program.run().rawValue)
    }

    /// The options as the library takes them, but for the body, which is read once and not before the others are
    /// known to be right.
    private func options() throws -> LoadOptions {
        guard let url = url ?? (jsonTookURL ? json : nil) else {
            throw ValidationError("the URL of the server is missing: apus load http://127.0.0.1:8080/")
        }
        var options = LoadOptions(url: url)
        options.unixPath = unix
        options.tls.verifiesServer = !insecure
        options.tls.authoritiesFile = cacert
        options.tls.serverName = sni
        options.tls.resumes = !noResumption
        options.connections = connections
        options.processes = threads
        options.duration = try duration.map { try Self.duration($0, of: "--duration") }
        options.requests = requests
        options.rate = try rate.map(Self.rate)
        guard let arrivals = LoadArrivals(rawValue: arrivals) else {
            throw ValidationError("--arrivals \(arrivals): constant or poisson")
        }
        options.arrivals = arrivals
        if let warmUp { options.warmUp = try Self.duration(warmUp, of: "--warm-up") }
        options.keepsAlive = !noKeepAlive
        options.pipelineDepth = pipeline
        options.method = method
        options.headers = try (habits.fields + header).map { try HeaderField($0) }
        options.timeout = try Self.duration(timeout, of: "--timeout")
        options.thresholds = try failIf.map { try LoadThreshold($0) }
        options.body = (body ?? habits.body).map { _ in [0x20] }
        return options
    }

    private func rates() throws -> [Double] {
        guard let steps else { return [] }
        let rates = steps.split(separator: ",").compactMap { RateText.parse(String($0)) }
        guard !rates.isEmpty, rates.count == steps.split(separator: ",", omittingEmptySubsequences: false).count else {
            throw ValidationError("--steps \(steps): give rates as 1k,2k,5k")
        }
        return rates
    }

    private static func rate(_ text: String) throws -> Double {
        guard let rate = RateText.parse(text) else {
            throw ValidationError("--rate \(text): give it as 500, 2.5k or 1M")
        }
        return rate
    }

    private static func duration(_ text: String, of option: String) throws -> Duration {
        guard let duration = DurationText.parse(text) else {
            throw ValidationError("\(option) \(text): give it as 500ms, 10s or 2m")
        }
        return duration
    }
}
