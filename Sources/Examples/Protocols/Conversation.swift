import Apus

/// What the clients among the examples do: one message after the other, each with its answer.
enum Conversation {
    /// Why a client ends without success.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Seconds that an answer may take.
    static let patience = 30.0

    /// Connects, sends the messages and hands each answer to `use`. Throws when an answer does not come.
    static func hold<P: PacketProtocol>(
        _ wireProtocol: P, to address: String, _ messages: [P.Outbound],
        use: @escaping @MainActor (P.Inbound) throws -> Void
    ) throws {
        try EventLoop.run {
            var options = ConnectOptions()
            options.limits.idleTimeout = patience
            let connection = try await Connection.connect(wireProtocol, to: address, options: options)
            var answers = connection.messages.makeAsyncIterator()
            for message in messages {
                try await connection.write(message)
                guard let answer = try await answers.next() else {
                    throw Failure(description: "the connection ended without an answer")
                }
                try use(answer)
            }
            connection.close()
        }
    }
}
