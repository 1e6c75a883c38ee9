import Apus

extension HTTPClient {
    /// Sends requests at the same time, `concurrency` of them at most, and returns what became of each, in their order.
    /// When the task is cancelled those that are not over fail with `HTTPClientError.closed`.
    public func sendAll(
        _ requests: [HTTPClientRequest], concurrency: Int = 16
    ) async -> [Result<HTTPClientResponse, HTTPClientError>] {
        guard !requests.isEmpty else { return [] }
        let batch = RequestBatch(self, requests)
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { batch.begin(max(1, concurrency), $0) }
        } onCancel: {
            EventLoop.soon { batch.cancel() }
        }
    }
}

/// Requests that are sent at the same time.
private final class RequestBatch {
    typealias Outcome = Result<HTTPClientResponse, HTTPClientError>

    private let client: HTTPClient
    private let requests: [HTTPClientRequest]
    private var outcomes: [Outcome?]
    private var calls: [Int: HTTPClientCall] = [:]
    private var next = 0
    private var continuation: UnsafeContinuation<[Outcome], Never>?

    init(_ client: HTTPClient, _ requests: [HTTPClientRequest]) {
        self.client = client
        self.requests = requests
        outcomes = Array(repeating: nil, count: requests.count)
    }

    nonisolated deinit {}

    func begin(_ concurrency: Int, _ continuation: UnsafeContinuation<[Outcome], Never>) {
        self.continuation = continuation
        while next < min(concurrency, requests.count) { sendNext() }
    }

    private func sendNext() {
        let index = next
        next += 1
        calls[index] = client.send(requests[index]) { [self] in finished(index, $0) }
    }

    private func finished(_ index: Int, _ outcome: Outcome) {
        calls[index] = nil
        outcomes[index] = outcome
        if next < requests.count { return sendNext() }
        guard calls.isEmpty, let continuation = continuation.take() else { return }
        continuation.resume(returning: outcomes.map { $0! })
    }

    func cancel() {
        for index in next..<requests.count { outcomes[index] = .failure(.closed) }
        next = requests.count
        for call in Array(calls.values) { call.cancel() }
    }
}
