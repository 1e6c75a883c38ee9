/// Tasks that wait for something, first come, first served. Each leaves with what it is handed, with an error, when
/// its time is up or when it is cancelled.
package final class WaitingLine<Value> {
    private var line: [Place] = []
    private var start = 0
    /// How many wait.
    package private(set) var count = 0

    /// An empty line.
    package init() {}

    nonisolated deinit {}

    /// Takes the last place in line. After `seconds`, if they are given, it is left with `timeoutError`. `onHand` is
    /// called when it is handed something, before anything else happens, and not when it is left otherwise.
    ///
    /// That is done at once, also where the task is suspended on its way to `Place.value`: what was seen before, such
    /// as that there is nothing to be handed yet, still holds.
    package func enter(
        atMost seconds: Double? = nil, otherwise timeoutError: any Error, onHand: (() -> Void)? = nil
    ) -> Place {
        let place = Place()
        place.onHand = onHand
        line.append(place)
        count += 1
        place.onLeave = { [weak self] in self?.left() }
        if let seconds {
            place.timer = WorkerTimer.after(seconds) { [weak place] _ in place?.finish(.failure(timeoutError)) }
        }
        return place
    }

    /// Hands a value to the first in line. False when nobody waits.
    package func hand(_ value: Value) -> Bool { leaveFirst(.success(Handed(value: value))) }

    /// Sends the first in line away with an error. False when nobody waits.
    @discardableResult
    package func fail(_ error: any Error) -> Bool { leaveFirst(.failure(error)) }

    /// Sends all away with an error.
    package func failAll(_ error: any Error) {
        while fail(error) {}
    }

    private func left() {
        count -= 1
        // Those who left from the middle are let go of before they are more than those who wait.
        guard line.count - start > 2 * count + 64 else { return }
        line = line[start...].filter { !$0.hasLeft }
        start = 0
    }

    private func leaveFirst(_ result: Result<Handed, any Error>) -> Bool {
        while start < line.count {
            let place = line[start]
            start += 1
            // Moved when half of all have left: each is moved once at most.
            if start == line.count {
                line.removeAll(keepingCapacity: start <= 1024)
                start = 0
            } else if start >= 256, start * 2 >= line.count {
                line.removeFirst(start)
                start = 0
            }
            if place.finish(result) { return true }
        }
        return false
    }

    /// A value on its way. It never leaves the main actor, whose tasks hand it to one another: hence @unchecked.
    fileprivate struct Handed: @unchecked Sendable {
        let value: Value
    }

    /// One place in line.
    package final class Place {
        fileprivate var timer: WorkerTimer?
        fileprivate var onLeave: () -> Void = {}
        fileprivate var onHand: (() -> Void)?
        private var continuation: CheckedContinuation<Handed, any Error>?
        private var result: Result<Handed, any Error>?
        fileprivate var hasLeft: Bool { result != nil }

        nonisolated deinit {}

        /// Waits for what is handed over.
        package func value() async throws -> Value {
            let handed = try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { wait($0) }
            } onCancel: {
                EventLoop.soon { self.finish(.failure(CancellationError())) }
            }
            return handed.value
        }

        private func wait(_ continuation: CheckedContinuation<Handed, any Error>) {
            if let result { return continuation.resume(with: result) }
            self.continuation = continuation
        }

        /// False when it was left before.
        @discardableResult
        fileprivate func finish(_ result: Result<Handed, any Error>) -> Bool {
            guard self.result == nil else { return false }
            self.result = result
            timer?.cancel()
            timer = nil
            if case .success = result { onHand?() }
            onHand = nil
            onLeave()
            continuation?.resume(with: result)
            continuation = nil
            return true
        }
    }
}
