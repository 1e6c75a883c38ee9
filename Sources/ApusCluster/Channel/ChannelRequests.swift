import Apus

/// What is published and put into queues over Redis or NATS: bounded, and each told of once.
final class ChannelRequests {
    private let maxUnsentBytes: Int
    private var unsentBytes = 0
    private let clusterError: @MainActor (any Error) -> ClusterError

    init(maxUnsentBytes: Int, _ clusterError: @escaping @MainActor (any Error) -> ClusterError) {
        self.maxUnsentBytes = maxUnsentBytes
        self.clusterError = clusterError
    }

    nonisolated deinit {}

    /// False, and an error, when too many bytes are under way. `start` begins the request, and has its completion
    /// called once.
    func perform(
        _ bytes: Int, _ completion: ChannelCompletion?,
        _ start: (@escaping @MainActor (Result<Int?, any Error>) -> Void) -> Void
    ) -> Bool {
        guard unsentBytes == 0 || unsentBytes + bytes <= maxUnsentBytes else {
            if let completion {
                EventLoop.current.execute { completion(.failure(.unavailable("too much waits to be sent"))) }
            }
            return false
        }
        unsentBytes += bytes
        start { [self] result in
            unsentBytes -= bytes
            completion?(result.mapError(clusterError))
        }
        return true
    }
}
