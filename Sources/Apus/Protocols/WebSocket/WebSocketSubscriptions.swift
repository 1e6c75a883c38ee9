/// The topics of one connection.
struct WebSocketSubscriptions {
    private struct Membership {
        let topic: WebSocketTopic
        /// The connection's place among the topic's members.
        var index: Int
        /// It is counted among those whose messages are compressed.
        var compresses: Bool
    }

    /// The first is that of all open connections.
    private var memberships: [Membership] = []
    /// Up to here the connection has got what was published for it.
    var delivered: UInt64 = 0

    var topics: [String] { memberships.map(\.topic.name).filter { !$0.isEmpty } }

    func contains(_ topic: WebSocketTopic) -> Bool { memberships.contains { $0.topic === topic } }

    mutating func add(_ topic: WebSocketTopic, at index: Int, compresses: Bool) {
        memberships.append(Membership(topic: topic, index: index, compresses: compresses))
    }

    /// Compression was agreed on after topics were joined.
    mutating func compress() {
        for index in memberships.indices where !memberships[index].compresses {
            memberships[index].compresses = true
            memberships[index].topic.compressingCount += 1
        }
    }

    /// The place among the members of a topic that was left; nil when it was none.
    mutating func remove(_ topic: WebSocketTopic) -> (index: Int, compresses: Bool)? {
        guard let found = memberships.firstIndex(where: { $0.topic === topic }) else { return nil }
        let removed = memberships.remove(at: found)
        return (removed.index, removed.compresses)
    }

    /// All of them, which the connection leaves.
    mutating func removeAll() -> [(topic: WebSocketTopic, index: Int, compresses: Bool)] {
        let left = memberships.map { ($0.topic, $0.index, $0.compresses) }
        memberships = []
        return left
    }

    mutating func moved(in topic: WebSocketTopic, to index: Int) {
        guard let found = memberships.firstIndex(where: { $0.topic === topic }) else { return }
        memberships[found].index = index
    }

    /// Calls `body` with each topic.
    func forEach(_ body: (WebSocketTopic) -> Void) {
        for membership in memberships { body(membership.topic) }
    }

    /// Whether more than one of its topics has something to give.
    var hasSeveralLeaving: Bool {
        var count = 0
        for membership in memberships where !membership.topic.leaving.isEmpty { count += 1 }
        return count > 1
    }
}
