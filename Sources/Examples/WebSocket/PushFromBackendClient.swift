import Apus
import FoundationEssentials

/// The other program: says that a user's job has come so far, and fails when nobody heard it.
///
///     Examples PushFromBackendClient [--to HOST:PORT] UID PERCENT
enum PushFromBackendClient {
    static func push(_ arguments: [String]) throws {
        let options = Options(arguments)
        guard options.words.count == 2 else { throw OptionError(description: "expected a user and how far it is") }
        let push = PushFromBackend.Push(uid: options.words[0], percent: options.words[1])
        let line = String(decoding: try JSONEncoder().encode(push), as: UTF8.self)
        try Conversation.hold(.text, to: options.value("to") ?? "127.0.0.1:5678", [line]) { answer in
            guard answer == "ok" else { throw Conversation.Failure(description: "\(push.uid) is not there: \(answer)") }
            print(answer)
        }
    }
}
