/// Something that has to be done once before other things can be: who comes meanwhile waits, and all go on in the order
/// they came.
final class Preparation {
    typealias Completion = @MainActor (Result<Void, any Error>) -> Void

    private enum State {
        case missing, running, done
    }

    private var state = State.missing
    private var waiting: [Completion] = []
    private let start: @MainActor (@escaping Completion) -> Void

    /// `start` begins to do it, and has its completion called.
    init(_ start: @escaping @MainActor (@escaping Completion) -> Void) { self.start = start }

    nonisolated deinit {}

    /// Calls `body` when it is done: before this returns if it is done now. All who wait hear of an error; the next one
    /// begins anew. No task is resumed for it: those would go on in any order.
    func whenReady(_ body: @escaping Completion) {
        if case .done = state { return body(.success(())) }
        waiting.append(body)
        guard case .missing = state else { return }
        state = .running
        start { [self] result in
            if case .success = result { state = .done } else { state = .missing }
            let all = waiting
            waiting = []
            for body in all { body(result) }
        }
    }

    /// It has to be done again.
    func forget() {
        if case .done = state { state = .missing }
    }
}
