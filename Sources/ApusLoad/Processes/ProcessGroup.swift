import CApus

/// The processes of one load, seen from the one that started them.
nonisolated struct ProcessGroup {
    private struct Member {
        let id: Int32
        var channel: ProcessChannel
        var progress = LoadProgress()
        var result: LoadResult?
    }

    /// How long a child may take to be ready.
    private static let startTimeout: Int32 = 30_000
    private static let progressTimeout: Int32 = 250

    private var members: [Member] = []

    /// Divides the plan among processes and runs it to its end, or until `stopDescriptor` becomes readable.
    static func run(
        _ plan: LoadPlan, processes: Int, stopDescriptor: Int32?, onProgress: (LoadProgress) -> Void
    ) throws(LoadError) -> LoadResult {
        var group = ProcessGroup()
        defer { group.close() }
        for share in plan.divided(among: processes) { try group.start(share) }
        try group.begin()
        return try group.collect(stopDescriptor, onProgress)
    }

    private mutating func start(_ plan: LoadPlan) throws(LoadError) {
        var own: Int32 = -1
        var theirs: Int32 = -1
        let failure = capus_socket_pair(&own, &theirs, false)
        guard failure == 0 else { throw .system("make a socket pair", errno: -failure) }
        defer { capus_close(theirs) }
        let id = Self.spawn(theirs)
        guard id > 0 else {
            capus_close(own)
            throw .system("start a process", errno: -id)
        }
        members.append(Member(id: id, channel: ProcessChannel(fd: own)))
        guard members[members.count - 1].channel.send(.plan, plan.encoded) else { throw .processLost }
    }

    private static func spawn(_ descriptor: Int32) -> Int32 {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { path in
            let failure = capus_executable_path(path.baseAddress!, path.count)
            guard failure == 0 else { return failure }
            var arguments = [path.baseAddress, nil]
            var descriptors = [descriptor]
            let environment = capus_environment_with(LoadProcess.variable, "1")
            defer { capus_unset_environment(LoadProcess.variable) }
            return capus_spawn(path.baseAddress!, &arguments, environment, &descriptors, 1)
        }
    }

    /// Starts the clock in all of them once the last one is ready.
    private mutating func begin() throws(LoadError) {
        for index in members.indices {
            var isClosed = false
            let message = members[index].channel.receive(timeout: Self.startTimeout, isClosed: &isClosed)
            guard message?.kind == .ready else { throw .processLost }
        }
        for member in members {
            guard member.channel.send(.start) else { throw .processLost }
        }
    }

    private mutating func collect(
        _ stopDescriptor: Int32?, _ onProgress: (LoadProgress) -> Void
    ) throws(LoadError) -> LoadResult {
        let start = capus_monotonic_ns()
        var stop = stopDescriptor
        while members.contains(where: { $0.result == nil }) {
            let descriptors = members.filter { $0.result == nil }.map(\.channel.fd) + (stop.map { [$0] } ?? [])
            var ready = [Bool](repeating: false, count: descriptors.count)
            _ = capus_wait_readable(descriptors, &ready, Int32(descriptors.count), Self.progressTimeout)
            if stop != nil, ready.last == true {
                stop = nil
                for member in members where member.result == nil { _ = member.channel.send(.stop) }
            }
            for index in members.indices where members[index].result == nil {
                for ended in try receive(index) {
                    var progress = progress(since: start)
                    (progress.interval, progress.intervalIndex) = (ended.interval, ended.intervalIndex)
                    onProgress(progress)
                }
            }
            onProgress(progress(since: start))
        }
        var total = LoadResult()
        for member in members { if let result = member.result { total.add(result) } }
        return total
    }

    /// Takes all messages of one member that are there. Returns what it says of intervals that have ended.
    private mutating func receive(_ index: Int) throws(LoadError) -> [LoadProgress] {
        var isClosed = false
        var ended: [LoadProgress] = []
        while let message = members[index].channel.receive(timeout: 0, isClosed: &isClosed) {
            switch message.kind {
            case .progress:
                guard let progress = LoadProgress(decoding: message.bytes) else { throw .processLost }
                members[index].progress = progress
                if progress.interval != nil { ended.append(progress) }
            case .result:
                guard let result = LoadResult(decoding: message.bytes) else { throw .processLost }
                members[index].result = result
                return ended
            default: throw .processLost
            }
        }
        if isClosed { throw .processLost }
        return ended
    }

    private func progress(since start: Int64) -> LoadProgress {
        var total = LoadProgress()
        for member in members {
            total.requests += member.result?.requests ?? member.progress.requests
            total.errors += member.result?.errors.total ?? member.progress.errors
        }
        total.elapsed = capus_monotonic_ns() - start
        return total
    }

    /// A member that still runs ends when its channel does.
    private func close() {
        for member in members {
            capus_close(member.channel.fd)
            var status: Int32 = 0
            _ = capus_reap(&status)
        }
    }
}
