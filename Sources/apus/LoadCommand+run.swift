import ApusLoad
import ApusProtocols
import ArgumentParser

extension LoadCommand {
    /// `--json URL`: what looks like the target is the target, not a file.
    private var jsonTookURL: Bool { urls.isEmpty && json?.contains("://") == true }

    func validate() throws {
        if let help {
            guard LoadHelp(rawValue: help) != nil else {
                let topics = LoadHelp.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--help \(help): the topics are \(topics)")
            }
            return
        }
        if !compare.isEmpty { return try validateComparison() }
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
            // Whether its placeholders have values is not known before that file is read.
            if data == nil { try options.validate() }
        } catch let error as LoadOptionsError {
            throw ValidationError(error.description)
        }
    }

    func run() throws {
        if let topic = help.flatMap(LoadHelp.init) {
            print(topic.text)
            return
        }
        if !compare.isEmpty { return try runComparison() }
        var program = LoadProgram(try options())
        program.jsonPath = jsonTookURL ? "-" : json
        program.htmlPath = html
        program.csvPath = csv
        program.hgrmPath = hgrm
        program.percentagesPath = habits.percentages
        program.rates = try rates()
        program.isQuiet = quiet
        do throws(LoadOptionsError) {
            program.options.body = try (body ?? habits.body).map { text throws(LoadOptionsError) in
                try RequestBody.read(text)
            }
            program.options.expectation.body = try expectBody.map { text throws(LoadOptionsError) in
                try RequestBody.read(text, option: "--expect-body")
            }
            program.options.data = try data.map(LoadData.read)
            if agents.agents != nil {
                program.options.agentSecret = try LoadAgentSecret.read(file: agents.secretFile)
            }
            try program.options.validate()
        } catch {
            LoadProgram.complain("\(error)")
            throw ExitCode(LoadProgram.ExitStatus.usage.rawValue)
        }
        throw ExitCode(program.run().rawValue)
    }

    /// The options as the library takes them, but for what is in files, which are read once and not before the rest is
    /// known to be right.
    private func options() throws -> LoadOptions {
        guard let url = urls.first ?? (jsonTookURL ? json : nil) else {
            throw ValidationError("the URL of the server is missing: apus load http://127.0.0.1:8080/")
        }
        var options = LoadOptions(url: url)
        options.furtherURLs = Array(urls.dropFirst())
        options.weights = try weightList()
        options.keepsCookies = cookies
        options.followsRedirects = followRedirects
        if let expectStatus { options.expectation.statuses = try LoadExpectation.statuses(expectStatus) }
        options.unixPath = unix
        options.tls.verifiesServer = !insecure
        options.tls.authoritiesFile = cacert
        options.tls.serverName = sni
        options.tls.resumes = !noResumption
        options.connections = connections
        options.processes = threads
        options.agents = try agents.addresses()
        options.duration = try duration.map { try Self.duration($0, of: "--duration") }
        options.requests = requests
        options.rate = try rate.map(Self.rate)
        guard let arrivals = LoadArrivals(rawValue: arrivals) else {
            throw ValidationError("--arrivals \(arrivals): constant or poisson")
        }
        options.arrivals = arrivals
        if let warmUp { options.warmUp = try Self.duration(warmUp, of: "--warm-up") }
        if let ramp { options.ramp = try Self.duration(ramp, of: "--ramp") }
        options.holds = hold
        options.sources = source
        guard !broadcast || !receive else { throw ValidationError("--broadcast does not go with --receive") }
        if broadcast { options.exchange = .broadcasts }
        if receive { options.exchange = .pushes }
        options.keepsAlive = !noKeepAlive
        options.pipelineDepth = pipeline
        options.method = method
        options.headers = try (habits.fields + header).map { try HeaderField($0) }
        options.timeout = try Self.duration(timeout, of: "--timeout")
        options.thresholds = try failIf.map { try LoadThreshold($0) }
        options.body = (body ?? habits.body).map { _ in [0x20] }
        return options
    }

    private func weightList() throws -> [Int] {
        guard let weights else { return [] }
        let numbers = weights.split(atASCII: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.allSatisfy({ $0 != nil }) else {
            throw ValidationError("--weights \(weights): give them as 8,1,1")
        }
        return numbers.compactMap(\.self)
    }

    private func rates() throws -> [Double] {
        guard let steps else { return [] }
        let rates = steps.split(atASCII: ",").compactMap { RateText.parse(String($0)) }
        guard !rates.isEmpty, rates.count == steps.split(atASCII: ",", omittingEmptySubsequences: false).count else {
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
