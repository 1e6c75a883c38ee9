/// Values that belong to one task, such as who is logged in: functions that are called deep inside need not be handed
/// them.
///
///     TaskContext.with { TaskContext.set("user", "Ann"); await handle() }
///
/// Child tasks and `Task { }` share the context of the task that has started them; `Task.detached` has none.
public final class TaskContext {
    @TaskLocal private static var current: TaskContext?

    private var values: [String: any Sendable] = [:]

    private init() {}

    nonisolated deinit {}

    /// Calls `body` with an empty context of its own.
    public static func with<Result>(_ body: @MainActor () async throws -> Result) async rethrows -> Result {
        try await $current.withValue(TaskContext()) { try await body() }
    }

    /// A value; nil where there is none of that name and type, and outside of `with`.
    public static func get<Value: Sendable>(_ name: String, as type: Value.Type = Value.self) -> Value? {
        current?.values[name] as? Value
    }

    /// Sets a value; nil takes it away. Does nothing outside of `with`.
    public static func set(_ name: String, _ value: (any Sendable)?) { current?.values[name] = value }

    /// Whether there is a value of that name.
    public static func has(_ name: String) -> Bool { current?.values[name] != nil }

    /// Forgets all values.
    public static func clear() { current?.values = [:] }
}
