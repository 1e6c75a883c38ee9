import Apus
import ApusSTOMP
import Glibc
import TestSupport
import TrialSupport

/// With a RabbitMQ of the trial's own, which is killed and stopped.
let brokerTroubleTrials: [String: Trial] = ["killedBroker": killedBroker]

/// Runs what blocks beside the loop.
func beside<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await TestThreads.light.run(body)
}

/// What the broker has confirmed is there after it was killed; subscriptions go on by themselves; a broker that does
/// not answer is noticed by its heart-beats.
private func killedBroker(_ words: [String]) async throws {
    let broker = try await beside { try RabbitServer() }
    let address = "stomp://\(broker.endpoint)"
    let queue = queueName("killed")
    let sender = try client([address])
    let receiver = try client([address]) { $0.heartBeat = .init(sends: 0.2, expects: 0.2) }
    var sessions = 0
    var errors: [STOMPError] = []
    receiver.onConnect = { _ in sessions += 1 }
    receiver.onReconnect = { _ in sessions += 1 }
    receiver.onError = { if let error = $1 as? STOMPError { errors.append(error) } }
    try await sender.connect()
    try await receiver.connect()
    var received: Set<Int> = []
    receiver.subscribeWithAck(to: queue, ackMode: .clientIndividual) { frame, resolver in
        received.insert(Int(frame.text)!)
        resolver.ack()
    }
    var confirmed: Set<Int> = []
    var isOver = false
    let sending = Task {
        var number = 0
        while !isOver {
            number += 1
            do {
                try await sender.sendConfirmed("\(number)", to: queue, headers: ["persistent": "true"])
                confirmed.insert(number)
            } catch {
                expect(error is STOMPError)
                try await WorkerTimer.sleep(0.01)
            }
        }
    }
    try await expectEventually { confirmed.count > 50 && received.count > 20 }
    try await beside { try broker.kill() }
    try await expectEventually { receiver.state == .connecting && sender.state == .connecting }
    let before = confirmed.count
    try await beside { try broker.restart() }
    try await expectEventually { confirmed.count > before + 50 && sessions >= 2 }
    isOver = true
    try await sending.value
    try await expectEventually("\(confirmed.subtracting(received).count) lost") { confirmed.isSubset(of: received) }
    // A machine that is busy may have missed heart-beats of its own.
    let sessionsBefore = sessions
    errors = []
    broker.signal(SIGSTOP)
    try await expectEventually { errors.contains { if case .heartBeatMissed = $0 { true } else { false } } }
    broker.signal(SIGCONT)
    try await expectEventually { sessions > sessionsBefore }
    try await sender.connect()
    try await sender.sendConfirmed("1000000", to: queue)
    try await expectEventually { received.contains(1_000_000) }
    await sender.disconnect()
    await receiver.disconnect()
    withExtendedLifetime(broker) {}
}
