import CApus

/// The bus of the processes: the master makes the inbox of each, tells the others of it, and takes no part itself. It
/// never waits for a process that does not read: what could not be told is told later.
extension Master {
    private var children: [(slot: WorkerSlot, child: WorkerChild)] {
        slots.flatMap { slot in slot.children.map { (slot, $0) } }
    }

    /// What a process that is about to start has to know. It finds it in its channel.
    func tellOfPeers(on channel: Int32) -> (told: Set<Int>, isComplete: Bool) {
        var told: Set<Int> = []
        for (slot, child) in children {
            guard Self.tell(of: child, slot, on: channel) else { return (told, false) }
            told.insert(child.member)
        }
        return (told, true)
    }

    /// Tells the others of a process that was started.
    func announce(_ newcomer: WorkerChild, _ slot: WorkerSlot) {
        for (_, child) in children where child !== newcomer && !child.missesNews {
            if Self.tell(of: newcomer, slot, on: child.channel) {
                child.told.insert(newcomer.member)
            } else {
                missed(child)
            }
        }
    }

    /// Tells the others that a process has ended.
    func announceEnd(of gone: WorkerChild) {
        for (_, child) in children where !child.missesNews && child.told.contains(gone.member) {
            if Self.tellEnd(of: gone.member, on: child.channel) {
                child.told.remove(gone.member)
            } else {
                missed(child)
            }
        }
    }

    func missed(_ child: WorkerChild) {
        child.missesNews = true
        if nextPeerNews == nil { nextPeerNews = capus_monotonic_ns() + WorkerChild.retryInterval }
    }

    /// A process could not take the inbox of another one: it is told again in a while, when it may have a descriptor.
    func forgetTold(_ child: WorkerChild, of member: Int) {
        guard children.contains(where: { $0.child.member == member && $0.child.inbox >= 0 }) else { return }
        child.told.remove(member)
        missed(child)
    }

    /// Tells what processes did not take before.
    func catchUpWithPeerNews(_ now: Int64) {
        guard let due = nextPeerNews, due <= now else { return }
        nextPeerNews = nil
        let all = children
        for (_, child) in all where child.missesNews {
            child.missesNews = false
            if !tellEverything(child, all) { missed(child) }
        }
    }

    private func tellEverything(_ child: WorkerChild, _ all: [(slot: WorkerSlot, child: WorkerChild)]) -> Bool {
        for member in child.told.subtracting(all.map(\.child.member)) {
            guard Self.tellEnd(of: member, on: child.channel) else { return false }
            child.told.remove(member)
        }
        for (slot, other) in all where other !== child && !child.told.contains(other.member) {
            guard Self.tell(of: other, slot, on: child.channel) else { return false }
            child.told.insert(other.member)
        }
        return true
    }

    private static func tell(of child: WorkerChild, _ slot: WorkerSlot, on channel: Int32) -> Bool {
        let news = PeerNews(member: child.member, name: slot.name, id: slot.id, workerKey: slot.key)
        return ChannelMessage.send(.peer, on: channel, text: news.text, passing: child.inbox)
    }

    private static func tellEnd(of member: Int, on channel: Int32) -> Bool {
        ChannelMessage.send(.peerGone, on: channel, text: "\(member)")
    }
}
