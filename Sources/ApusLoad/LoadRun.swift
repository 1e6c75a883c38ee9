import CApus

/// Puts a load on a server and measures how it does.
public nonisolated enum LoadRun {
    /// Runs to the end and blocks the thread until then. It ends early when `stopDescriptor` becomes readable.
    ///
    /// `onProgress` is called some times a second. Errors of single requests are in the report; what is thrown means
    /// that there is nothing to report. A program that asks for more than one process calls
    /// `LoadProcess.runIfStarted()` first of all.
    public static func run(
        _ options: LoadOptions, stopDescriptor: Int32? = nil, onProgress: (LoadProgress) -> Void = { _ in }
    ) throws(LoadError) -> LoadReport {
        let plan: LoadPlan
        do throws(LoadOptionsError) {
            plan = try options.plan()
        } catch {
            throw .options(error)
        }
        var timeline = LoadTimeline()
        let result = try run(plan, options.processes, stopDescriptor) { progress in
            if let interval = progress.interval { timeline.add(interval, at: progress.intervalIndex) }
            onProgress(progress)
        }
        if result.end == .pollerFailed { throw .system("wait for events", errno: capus_last_error()) }
        if result.connectionsOpened == 0 || result.end == .neverConnected, result.end != .interrupted {
            let kinds: [LoadErrorKind] = [.connect, .tls]
            let cause = kinds.first { result.errors.count($0) > 0 }.map(result.errors.cause) ?? .noAnswer
            throw .cannotConnect(target: options.destination, cause: cause.text)
        }
        return LoadReport(options, result, timeline)
    }

    private static func run(
        _ plan: LoadPlan, _ processes: Int, _ stopDescriptor: Int32?, _ onProgress: (LoadProgress) -> Void
    ) throws(LoadError) -> LoadResult {
        if processes > 1 {
            // What is wrong with its files is told here, not by a process that is missing.
            _ = try LoadEngine(plan)
            return try ProcessGroup.run(
                plan, processes: processes, stopDescriptor: stopDescriptor, onProgress: onProgress)
        }
        var engine = try LoadEngine(plan)
        return engine.run(stopDescriptor: stopDescriptor, onProgress: onProgress)
    }
}
