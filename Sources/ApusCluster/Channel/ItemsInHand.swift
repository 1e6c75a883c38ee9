import Apus

/// Items that this process works on. Their server is told so again and again: it gives to somebody else what it was not
/// told of for too long.
final class ItemsInHand {
    private var receipts: Set<String> = []
    private var timer: WorkerTimer?
    private let period: Double
    /// Tells the server.
    var renew: @MainActor (_ receipt: String) -> Void = { _ in }

    /// The server waits for so many seconds.
    init(patience seconds: Double) { period = seconds / 3 }

    isolated deinit { timer?.cancel() }

    func add(_ receipt: String) {
        receipts.insert(receipt)
        guard timer == nil else { return }
        timer = WorkerTimer.every(period) { [weak self] _ in
            guard let self else { return }
            for receipt in receipts { renew(receipt) }
        }
    }

    func contains(_ receipt: String) -> Bool { receipts.contains(receipt) }

    func remove(_ receipt: String) {
        receipts.remove(receipt)
        if receipts.isEmpty { forget() }
    }

    func forget() {
        receipts = []
        timer?.cancel()
        timer = nil
    }
}
