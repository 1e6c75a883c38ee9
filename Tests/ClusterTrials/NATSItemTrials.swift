import Apus
import ApusCluster
import ApusNATS
import TestSupport
import TrialSupport

/// A question for an item that the server leaves unanswered, as it may after a crash, is not waited for longer than for
/// an item whose taker is gone.
func unansweredQuestions(_ words: [String]) async throws {
    let server = try NATSServer()
    let observer = try NATSClient(["nats://\(server.address)"])
    var questions: [NATSMessage] = []
    observer.subscribe("$JS.API.CONSUMER.MSG.NEXT.>") { questions.append($0) }
    try await expectEventually { observer.isConnected }
    for (patience, life) in [(1.0, 1), (2.5, 2.5), (60, 5)] {
        let client = ChannelClient()
        var options = ChannelClientOptions()
        options.takeOverAfter = patience
        client.connect(["nats://\(server.address)"], options: options)
        questions = []
        client.watch("jobs") { _ in }
        try await expectEventually { !questions.isEmpty }
        let text = String(decoding: questions[0].payload, as: UTF8.self)
        expect(text, is: #"{"batch":1,"expires":\#(Int(life * 1e9))}"#)
        if patience == 1 {
            // The server says that there was none, and is asked again.
            try await expectEventually { questions.count > 1 }
        }
        client.close()
    }
}
