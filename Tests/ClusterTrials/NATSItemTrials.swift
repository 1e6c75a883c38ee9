import Apus
import ApusCluster
import ApusNATS
import TestSupport
import TrialSupport

/// A question for an item that the server leaves unanswered, as it may after a crash, is followed by another one soon,
/// and soon again after each item.
func unansweredQuestions(_ words: [String]) async throws {
    let server = try NATSServer()
    let observer = try NATSClient(["nats://\(server.address)"])
    var questions: [String] = []
    observer.subscribe("$JS.API.CONSUMER.MSG.NEXT.>") {
        questions.append(String(decoding: $0.payload, as: UTF8.self))
    }
    try await expectEventually { observer.isConnected }
    let client = ChannelClient()
    var options = ChannelClientOptions()
    options.takeOverAfter = 1.5
    client.connect(["nats://\(server.address)"], options: options)
    var items = 0
    client.watch("jobs") { _ in items += 1 }
    let expected = [0.25, 0.5, 1, 1.5, 1.5].map { #"{"batch":1,"expires":\#(Int($0 * 1e9))}"# }
    try await expectEventually { questions.count >= 5 }
    expect(Array(questions.prefix(5)), is: expected)
    questions = []
    try await client.enqueueAndWait("jobs", data: 1)
    try await expectEventually { items == 1 }
    try await expectEventually { questions.contains(expected[0]) }
}
