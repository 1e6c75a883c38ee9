import Apus

/// Connects the processes of one host: over the bus of the program, with names in shared memory. No server is needed.
final class ChatHost: ChatEngine {
    private static let event = "chat"
    private static let mostGuests = 16_384
    private let names = SharedTable(
        "chat-names", rows: mostGuests, keyCapacity: ChatName.mostBytes,
        columns: [.integer("until"), .integer("session"), .bytes("owner", capacity: ChatName.mostKeyBytes)])

    nonisolated deinit {}

    func start(onPost: @escaping ([UInt8]) -> Void, onReach: @escaping () -> Void) {
        Worker.bus.on(Self.event) { onPost($0.data) }
        // Names of processes that died are taken away one day, whether or not somebody wants them.
        Timer.every(60) { [unowned self] _ in
            for row in names {
                guard let until = row.integer("until"), until < ChatClock.monotonic else { continue }
                // Unless it is renewed just now. A table that is held up has its turn a minute later.
                _ = try? names.remove(row.key, if: "until", is: until)
            }
        }
        onReach()
    }

    func post(_ bytes: [UInt8]) { Worker.bus.broadcast(Self.event, bytes) }

    func claim(_ name: String, _ claim: ChatClaim) throws -> Bool {
        let now = ChatClock.monotonic
        let values: [String: SharedValue] = [
            "until": .integer(end(of: claim)), "session": .integer(claim.session), "owner": .text(claim.owner),
        ]
        if try names.insert(name, values) { return true }
        guard let row = names[name], let until = row.integer("until") else { return false }
        guard until < now || row.text("owner") == claim.owner else { return false }
        return try names.set(name, values, if: "until", is: until)
    }

    func renew(_ name: String, _ claim: ChatClaim) throws -> Bool {
        try names.set(name, ["until": .integer(end(of: claim))], if: "session", is: claim.session)
    }

    func release(_ name: String, _ claim: ChatClaim) {
        // A table that is held up keeps the name until its time is over.
        _ = try? names.remove(name, if: "session", is: claim.session)
    }

    private func end(of claim: ChatClaim) -> Int64 { ChatClock.monotonic + Int64(claim.lease * 1e9) }
}
