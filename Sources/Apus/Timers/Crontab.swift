/// A job that runs in this process at the times that a `CronRule` names, such as every weekday at half past two.
///
///     try Crontab("0 30 2 * * mon-fri", name: "backup") { _ in startBackup() }
///
/// It runs for the first time in the next full minute at the earliest, and until it is destroyed. Times that pass while
/// the loop is busy are made up for by one run. When the system's clock is set forward by more than a minute, the times
/// between are left out; when it is set back by more, times that come again run again.
///
/// Every process that creates it runs it: ask for `worker.id == 0` where only one is to.
public final class Crontab {
    /// Never 0, and unique within the process.
    public let id: Int
    /// What it was called, for people; may be empty.
    public let name: String
    /// When it runs.
    public let rule: CronRule
    /// The zone whose clocks the rule is about.
    public let timeZone: ZoneInfo

    private let clock: any CronClock
    private let body: @MainActor (Crontab) throws -> Void
    private var cancelTimer: @MainActor () -> Void = {}
    /// Times up to here, in Unix seconds, are dealt with.
    private var done: Int
    /// The clocks when the timer was set.
    private var armedAt: (wall: Int64, monotonic: Int64)

    private static var jobs: [Int: Crontab] = [:]
    private static var lastID = 0
    /// Seconds after which the calendar is looked at again, since somebody may have set the clock.
    private static let longestWait = 60

    /// Runs `body` whenever the rule holds. What it throws goes where the errors of timers go. Throws
    /// `CronRuleError` when the rule cannot be understood or never holds.
    @discardableResult
    public convenience init(
        _ rule: String, name: String = "", timeZone: ZoneInfo = .local,
        _ body: @escaping @MainActor (Crontab) throws -> Void
    ) throws(CronRuleError) {
        try self.init(rule, name: name, timeZone: timeZone, clock: LoopClock.shared, body)
    }

    /// Runs `body` as a task on the loop whenever the rule holds; `whileRunning` says what happens when it still runs
    /// then. Destroying the job does not cancel a run that has begun. Throws `CronRuleError` when the rule cannot be
    /// understood or never holds.
    @discardableResult
    public convenience init(
        _ rule: String, name: String = "", timeZone: ZoneInfo = .local, whileRunning policy: OverlapPolicy = .skip,
        _ body: @escaping @MainActor (Crontab) async throws -> Void
    ) throws(CronRuleError) {
        try self.init(
            rule, name: name, timeZone: timeZone, whileRunning: policy, clock: LoopClock.shared, body)
    }

    /// With another clock.
    @discardableResult
    package convenience init(
        _ rule: String, name: String = "", timeZone: ZoneInfo = .local, whileRunning policy: OverlapPolicy = .skip,
        clock: any CronClock, _ body: @escaping @MainActor (Crontab) async throws -> Void
    ) throws(CronRuleError) {
        let place = Self.place(name)
        let runs = AsyncRuns(policy, body, mayStart: { $0.isActive }) { EventLoop.current.errorHandler($0, place) }
        try self.init(rule, name: name, timeZone: timeZone, clock: clock) { runs.start($0) }
    }

    /// With another clock.
    @discardableResult
    package init(
        _ rule: String, name: String = "", timeZone: ZoneInfo = .local, clock: any CronClock,
        _ body: @escaping @MainActor (Crontab) throws -> Void
    ) throws(CronRuleError) {
        self.rule = try CronRule(rule)
        self.name = name
        self.timeZone = timeZone
        self.clock = clock
        self.body = body
        armedAt = (clock.wallTime, clock.monotonicTime)
        let minute = Self.seconds(armedAt.wall).flooredDivision(by: 60).quotient
        done = (minute + 1) * 60 - 1
        Self.lastID += 1
        id = Self.lastID
        Self.jobs[id] = self
        arm()
    }

    /// The jobs of this process, in the order of their creation.
    public static var all: [Crontab] { jobs.values.sorted { $0.id < $1.id } }

    /// Destroys the job of that id. False when there is none.
    @discardableResult
    public static func remove(_ id: Int) -> Bool {
        guard let job = jobs[id] else { return false }
        job.destroy()
        return true
    }

    /// When it runs next, in Unix seconds; nil when it is destroyed or not due within a hundred years.
    public var nextRun: Int? { isActive ? rule.next(after: done, in: timeZone) : nil }

    /// Ends it; it does not run any more, not in this minute either.
    public func destroy() {
        guard Self.jobs.removeValue(forKey: id) != nil else { return }
        cancelTimer()
        cancelTimer = {}
    }

    private var isActive: Bool { Self.jobs[id] != nil }

    /// Waits for the next run, or until it is time to look at the calendar again.
    private func arm() {
        armedAt = (clock.wallTime, clock.monotonicTime)
        var seconds = Double(Self.longestWait)
        if let next = nextRun {
            seconds = min(seconds, Double(Int64(next) * 1_000_000_000 - armedAt.wall) / 1e9)
        }
        cancelTimer = clock.after(max(0, seconds)) { [weak self] in self?.wake() }
    }

    private func wake() {
        let wall = clock.wallTime
        let now = Self.seconds(wall)
        let jump = (wall - armedAt.wall) - (clock.monotonicTime - armedAt.monotonic)
        let large = Int64(Self.longestWait) * 1_000_000_000
        // Set forward: what lies between never was. Set back: what was done lies ahead, and is not waited for.
        if jump > large || done - now > Self.longestWait { done = now - 1 }
        if let next = nextRun, next <= now {
            // All that is due by now is this one run.
            done = now
            run()
        }
        if isActive { arm() }
    }

    private func run() {
        do {
            try body(self)
        } catch {
            EventLoop.current.errorHandler(error, Self.place(name))
        }
    }

    /// Where an error happened, for the log.
    private static func place(_ name: String) -> String { name.isEmpty ? "crontab" : "crontab \(name)" }

    private static func seconds(_ nanoseconds: Int64) -> Int {
        Int(nanoseconds).flooredDivision(by: 1_000_000_000).quotient
    }
}
