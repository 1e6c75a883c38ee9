/// How a process leaves.
enum DrainMode {
    /// `stop`: everything that waits for nothing is closed at once.
    case stop
    /// `reload`: as `stop`, but connections in use learn it from their next answer.
    case reload
    /// `stop -g`: connections that are in use may stay as long as they want.
    case graceful
}
