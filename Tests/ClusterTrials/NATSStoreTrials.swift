import Apus
import ApusCluster
import Foundation
import TestSupport
import TrialSupport

/// A server of NATS that gives every message the same number, and says of every value that it is over.
private nonisolated func natsServer(number: String) -> ScriptedServer {
    ScriptedServer { peer in
        var subscription = ""
        peer.send("INFO {\"server_id\":\"x\",\"version\":\"2.9.0\",\"max_payload\":1048576,\"headers\":true}\r\n")
        while true {
            let line = peer.readAll(until: "\r\n")
            let words = line.split(whereSeparator: \.isWhitespace).map { String($0) }
            switch words.first {
            case "PING": peer.send("PONG\r\n")
            case "SUB": subscription = words.last!
            case "PUB", "HPUB":
                guard peer.read(Int(words.last!)! + 2) != nil else { return }
                // Nobody waits for an answer to others.
                guard words.count == (words[0] == "PUB" ? 4 : 5) else { continue }
                let answer = natsAnswer(words[1], number)
                peer.send("MSG \(words[2]) \(subscription) \(answer.utf8.count)\r\n\(answer)\r\n")
            case nil: return
            default: break
            }
        }
    }
}

private nonisolated func natsAnswer(_ subject: String, _ number: String) -> String {
    guard subject.contains("MSG.GET") else { return #"{"type":"x","stream":"KV_apus","seq":\#(number)}"# }
    let headers = Data("NATS/1.0\r\nApus-Expires: 1\r\n\r\n".utf8).base64EncodedString()
    return #"{"message":{"subject":"$KV.apus.k","seq":\#(number),"hdrs":"\#(headers)","data":"MQ=="}}"#
}

/// Numbers of messages that no stream will ever have are no answers.
func wrongSequences(_ words: [String]) async throws {
    for number in ["9223372036854775807", "9007199254740992", "0", "-9223372036854775808", "1.5"] {
        let server = natsServer(number: number)
        let data = GlobalDataClient("nats://127.0.0.1:\(server.port)")
        let errors = [
            await expectError(number) { _ = try await data.get("k", as: Int.self) },
            await expectError(number) { try await data.remove("k") },
            await expectError(number) { try await data.set("k", 1) },
        ]
        for error in errors {
            if case .invalidAnswer = error as? ClusterError {} else { expect(false, "\(number): \(error!)") }
        }
        data.close()
        server.stop()
    }
    for number in ["9007199254740991", "1"] {
        let server = natsServer(number: number)
        let data = GlobalDataClient("nats://127.0.0.1:\(server.port)")
        expect(try await data.get("k", as: Int.self) == nil)
        try await data.remove("k")
        try await data.set("k", 1)
        data.close()
        server.stop()
    }
}
