import Apus
import ApusCluster
import Glibc

/// Takes items from queues, notes them, and acknowledges them after that. Some take a while, so that kills find items
/// that are being worked on, and some fail before they were noted. Nobody takes mail for four seconds out of eight, so
/// that kills find items that wait.
final class Consumer {
    private struct Unlucky: Error {}
    private let witness: Witness
    private var takesMail = false

    init(_ witness: Witness) { self.witness = witness }

    func start() {
        ChannelClient.shared.onError = { [witness] error in
            if !(error is Unlucky) { witness.complain("a consumer got \(error)") }
        }
        watch("jobs")
        Timer.every(0.1) { [self] _ in
            // The same for all processes.
            let takes = time(nil) / 4 % 2 == 0
            guard takes != takesMail else { return }
            takesMail = takes
            if takes { watch("mail") } else { ChannelClient.shared.unwatch("mail") }
        }
    }

    private func watch(_ queue: String) {
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
