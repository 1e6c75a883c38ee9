import Apus
import ApusCluster

/// Takes items from queues, notes them, and acknowledges them after that. Some take a while, so that kills find items
/// that are being worked on, and some fail before they were noted.
final class Consumer {
    private struct Unlucky: Error {}
    private let witness: Witness

    init(_ witness: Witness) { self.witness = witness }

    func start() {
        ChannelClient.shared.onError = { [witness] error in
            if !(error is Unlucky) { witness.complain("a consumer got \(error)") }
        }
        for queue in ["jobs", "mail"] {
            ChannelClient.shared.watch(queue, acknowledges: true) { [witness] item in
                guard let number = Padded.number(in: item.text ?? "") else {
                    return witness.complain("\(queue) brought «\((item.text ?? "").prefix(100))»")
                }
                switch Int.random(in: 0..<100) {
                case ..<5: throw Unlucky()
                case ..<30: try await WorkerTimer.sleep(.random(in: 0...0.02))
                default: break
                }
                witness.note("\(queue) \(number)")
                if Int.random(in: 0..<50) == 0 { try await WorkerTimer.sleep(.random(in: 0...0.05)) }
            }
        }
    }
}
