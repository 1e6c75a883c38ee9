import CApus

/// Puts a load on a server and measures how it does.
public nonisolated enum LoadRun {
    /// Runs to the end and blocks the thread until then. It ends early when `stopDescriptor` becomes readable.
    ///
    /// `onProgress` is called some times a second. Errors of single requests are in the report; what is thrown means
    /// that there is nothing to report. A program that asks for more than one process calls
    /// `LoadProcess.runIfStarted()` first of all.
    ///
    /// With a `scenario` the visitors ask what that says, rather than the options' URLs; of these only the server is
    /// used then. Other processes than this one get it from `LoadProcess.runIfStarted(scenario:)`.
    public static func run(
        _ options: LoadOptions, stopDescriptor: Int32? = nil, onProgress: (LoadProgress) -> Void = { _ in },
        scenario: (() -> any LoadScenario)? = nil
    ) throws(LoadError) -> LoadReport {
        try run(
            options, at: endpoint(of: options), stopDescriptor: stopDescriptor, onProgress: onProgress,
            scenario: scenario)
    }

    /// What the connections of such a load connect to.
    static func endpoint(of options: LoadOptions) throws(LoadError) -> LoadEndpoint {
        try plan(options, hasScenario: false).endpoint.resolved()
    }

    private static func plan(_ options: LoadOptions, hasScenario: Bool) throws(LoadError) -> LoadPlan {
        do throws(LoadOptionsError) {
            return try options.plan(withScenario: hasScenario)
        } catch {
            throw .options(error)
        }
    }

    static func run(
        _ options: LoadOptions, at endpoint: LoadEndpoint, stopDescriptor: Int32?, onProgress: (LoadProgress) -> Void,
        scenario: (() -> any LoadScenario)? = nil
    ) throws(LoadError) -> LoadReport {
        var plan = try plan(options, hasScenario: scenario != nil)
        plan.endpoint = endpoint
        var timeline = LoadTimeline()
        let (result, agents) = try run(plan, options, stopDescriptor, scenario) { progress in
            if let interval = progress.interval { timeline.add(interval, at: progress.intervalIndex) }
            onProgress(progress)
        }
        if result.end == .pollerFailed { throw .system("wait for events", errno: capus_last_error()) }
        if result.connectionsOpened == 0 || result.end == .neverConnected, result.end != .interrupted {
            throw .cannotConnect(target: options.destination, cause: result.connectCause.text)
        }
        return LoadReport(options, result, timeline, agents)
    }

    private static func run(
        _ plan: LoadPlan, _ options: LoadOptions, _ stopDescriptor: Int32?, _ scenario: (() -> any LoadScenario)?,
        _ onProgress: (LoadProgress) -> Void
    ) throws(LoadError) -> (LoadResult, [LoadAgentReport]) {
        guard options.processes > 1 || !options.agents.isEmpty else {
            var engine = try LoadEngine(plan, scenario: scenario)
            return (engine.run(stopDescriptor: stopDescriptor, onProgress: onProgress), [])
        }
        // What is wrong with its files is told here, not by a process that is missing.
        _ = try LoadEngine(plan.divided(among: max(options.processes, options.agents.count))[0])
        var plan = plan
        do throws(LoadOptionsError) {
            try plan.tls?.readAuthorities()
        } catch {
            throw .options(error)
        }
        var group = ProcessGroup()
        defer { group.close() }
        if options.agents.isEmpty {
            try group.start(plan.divided(among: options.processes))
        } else {
            try group.join(options.agents, options.agentSecret, plan)
        }
        try group.awaitReady()
        try group.begin()
        let results = try group.collect(wakingFor: stopDescriptor.map { [$0] } ?? []) {
            !isReadable(stopDescriptor)
        } onProgress: {
            onProgress($0)
        }
        let agents = group.agents
        if let lonely = agents.first(where: { $0.cannotConnect }) {
            let target = "\(options.destination) from agent \(lonely.address)"
            throw .cannotConnect(target: target, cause: lonely.cause)
        }
        return (LoadResult.sum(results), agents)
    }

    private static func isReadable(_ descriptor: Int32?) -> Bool {
        guard let descriptor else { return false }
        var isReady = false
        return capus_wait_readable([descriptor], &isReady, 1, 0) > 0
    }
}
