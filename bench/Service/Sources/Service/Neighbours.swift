import Apus
import ApusCluster
import Glibc

/// Processes that tell each other numbers, over the bus and as events: whatever is killed, a sender's numbers come in
/// their order, none twice, and as they were sent.
final class Neighbours {
    private let witness: Witness
    private var number = 0
    private var heard: [String: Int] = [:]

    init(_ witness: Witness) { self.witness = witness }

    func start() {
        let name = "\(getpid())-\(UInt32.random(in: 0...(.max)))"
        Worker.bus.on("number") { [self] message in check("the bus", message.text) }
        ChannelClient.shared.on("number") { [self] event in check("an event", event.text ?? "") }
        Timer.every(0.05) { [self] _ in
            number += 1
            let text = "\(name) \(Padded.text(of: number))"
            Worker.bus.broadcast("number", text)
            ChannelClient.shared.publish("number", data: text)
        }
    }

    private func check(_ way: String, _ text: String) {
        let words = text.split(separator: " ", maxSplits: 1).map(String.init)
        guard words.count == 2, let number = Padded.number(in: words[1]) else {
            return witness.complain("\(way) brought «\(text.prefix(100))»")
        }
        let last = heard.updateValue(number, forKey: "\(way) \(words[0])") ?? 0
        if number <= last { witness.complain("\(way) brought \(number) of \(words[0]) after \(last)") }
    }
}
