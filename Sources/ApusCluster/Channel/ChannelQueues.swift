import Apus

/// Queues of work, and who takes from them: each item goes to one client that is ready for it, the one that has waited
/// longest. Items that were not acknowledged when their client left go back to where they were. With a journal items
/// are written down before they count as taken.
///
/// A class, since what it sends may find that a client is gone, which then is removed in the midst of `deliver`. Items
/// leave half of what may wait for a client to events and answers, unless one is all that waits: the others stay in
/// their queues until it has read.
final class ChannelQueues {
    private struct Queue {
        var items = ItemList()
        /// Clients that may be sent an item, in the order they became ready.
        var ready: [ChannelPeer] = []
        var watchers = 0
    }

    private let maxItems: Int
    private let maxBytes: Int
    private var queues: [String: Queue] = [:]
    private var heldBytes = 0
    /// Of what is held, in the journal.
    private var writtenBytes = 0
    private var lastID = 0
    private var journal: ChannelJournal?
    /// Queues that `deliver` has still to look at, while it is at work.
    private var due: [String] = []
    private var isDelivering = false
    /// A client was to be sent an item, and did not take it. Whoever is told ends it, so that the item goes back.
    var onRefusal: (ChannelPeer) -> Void = { _ in }

    init(maxItems: Int, maxBytes: Int) {
        self.maxItems = maxItems
        self.maxBytes = maxBytes
    }

    nonisolated deinit {}

    func hasRoom(for count: Int, in names: [String]) -> Bool {
        heldBytes + count * names.count <= maxBytes && names.allSatisfy { queues[$0]?.items.count ?? 0 < maxItems }
    }

    /// Keeps items in a file from here on, and takes over those that are there.
    func open(_ path: String) throws(SystemError) {
        var found: [(queue: String, item: ChannelItem)] = []
        journal = try ChannelJournal(path) { found.append(($0, $1)) }
        for (queue, item) in found { put(item, into: queue) }
    }

    /// Puts an item into each queue; none of them when that fails. They are given to clients by `deliver`.
    func add(_ data: [UInt8], to names: [String]) throws(SystemError) {
        let items = names.enumerated().map { (queue: $1, item: ChannelItem(id: lastID + 1 + $0, data: data)) }
        try journal?.add(items)
        for (queue, item) in items { put(item, into: queue) }
    }

    private func put(_ item: ChannelItem, into name: String) {
        lastID = max(lastID, item.id)
        heldBytes += item.data.count
        writtenBytes += JournalRecord.size(name, item)
        queues[name, default: Queue()].items.append(item)
    }

    /// An item is nobody's any more.
    private func drop(_ item: ChannelItem, of name: String) {
        heldBytes -= item.data.count
        writtenBytes -= JournalRecord.size(name, item)
        journal?.remove(item.id)
    }

    /// Writes what the journal could not, if there is room now.
    func writeRest() { journal?.writeRest() }

    /// Makes the journal anew when much of it is of no use. `unacknowledged` are items that clients have.
    func tidyUp(_ unacknowledged: () -> [(queue: String, item: ChannelItem)]) throws(SystemError) {
        guard let journal, journal.isWasteful(writtenBytes) else { return }
        var items = unacknowledged()
        for (name, queue) in queues { items += queue.items.all.map { (name, $0) } }
        try journal.rewrite(items.sorted { $0.item.id < $1.item.id })
    }

    func watch(_ name: String, _ client: ChannelPeer, acknowledges: Bool) {
        if client.queues[name] == nil { queues[name, default: Queue()].watchers += 1 }
        client.queues[name, default: .init(acknowledges: acknowledges)].acknowledges = acknowledges
    }

    func unwatch(_ name: String, _ client: ChannelPeer) {
        guard let watched = client.queues.removeValue(forKey: name) else { return }
        if watched.isHeld { client.held.removeAll { $0 == name } }
        queues[name]?.ready.removeAll { $0 === client }
        queues[name]?.watchers -= 1
        forgetIfUnused(name)
    }

    /// The client may be sent one item of each of these queues, as far as it watches them.
    func arm(_ client: ChannelPeer, _ names: some Sequence<String>) {
        for name in names where client.queues[name]?.isArmed == false {
            client.queues[name]?.isArmed = true
            queues[name]?.ready.append(client)
            deliver(name)
        }
    }

    /// What has become of an item that was to be acknowledged.
    func finish(_ id: Int, _ client: ChannelPeer, succeeded: Bool) {
        guard let (name, item) = client.unacknowledged.removeValue(forKey: id) else { return }
        if succeeded {
            drop(item, of: name)
            return forgetIfUnused(name)
        }
        queues[name, default: Queue()].items.putBack(item)
        deliver(name)
    }

    func remove(_ client: ChannelPeer) {
        client.held = []
        for name in Array(client.queues.keys) { unwatch(name, client) }
        // The oldest is to be the first again.
        for id in client.unacknowledged.keys.sorted(by: >) { finish(id, client, succeeded: false) }
    }

    private func forgetIfUnused(_ name: String) {
        guard let queue = queues[name], queue.items.isEmpty, queue.watchers == 0 else { return }
        queues[name] = nil
    }

    /// Gives items to clients that wait for them. A client may be found to be gone meanwhile: where its items go is
    /// decided behind that, so that each queue keeps its order.
    func deliver(_ name: String) {
        due.append(name)
        guard !isDelivering else { return }
        isDelivering = true
        var index = 0
        while index < due.count {
            give(due[index])
            index += 1
        }
        due.removeAll(keepingCapacity: true)
        isDelivering = false
    }

    /// All that waited to be sent to a client has left: there is room for what was held back, in that order.
    func drained(_ client: ChannelPeer) {
        let names = client.held
        client.held = []
        for name in names {
            client.queues[name]?.isHeld = false
            deliver(name)
        }
    }

    private func give(_ name: String) {
        while let place = placeOfTaker(name), let item = queues[name]?.items.popFirst(),
            let client = queues[name]?.ready.remove(at: place)
        {
            client.queues[name]?.isArmed = false
            send(item, of: name, to: client)
        }
        forgetIfUnused(name)
    }

    /// Of those that are ready, the first one with room for the first item.
    private func placeOfTaker(_ name: String) -> Int? {
        guard let queue = queues[name], let item = queue.items.first else { return nil }
        return queue.ready.firstIndex { $0.connection.isOpen && hasRoom($0, for: item, of: name) }
    }

    private func hasRoom(_ client: ChannelPeer, for item: ChannelItem, of name: String) -> Bool {
        // One that is held back is not overtaken: a large one might never find room.
        if client.held.isEmpty {
            let waiting = client.connection.pendingSendBytes
            if waiting == 0 || waiting + item.data.count <= client.connection.maxSendBufferSize / 2 { return true }
            // What was collected in this turn may leave at its end, without having had to wait.
            EventLoop.current.execute { [weak self, weak client] in
                if let client, client.connection.isSendBufferEmpty { self?.drained(client) }
            }
        }
        if client.queues[name]?.isHeld == false {
            client.queues[name]?.isHeld = true
            client.held.append(name)
        }
        return false
    }

    private func send(_ item: ChannelItem, of name: String, to client: ChannelPeer) {
        let isKept = client.queues[name]?.acknowledges ?? false
        // What does not leave comes back when the connection is gone.
        client.unacknowledged[item.id] = (name, item)
        let answer = ChannelAnswer.item(queue: name, data: item.data, id: isKept ? item.id : nil)
        guard client.connection.send(answer.writer.message) != .failed else { return onRefusal(client) }
        if !isKept, client.unacknowledged.removeValue(forKey: item.id) != nil { drop(item, of: name) }
    }
}
