/// A guest as other processes see one.
nonisolated struct ChatMember: Codable, Sendable, Hashable {
    var name: String
    var room: String
    /// The page: see `ChatClaim`.
    var owner: String
}

/// Who is at one process.
nonisolated struct ChatRoster: Codable, Sendable {
    /// Counts its changes: who has heard of all of them knows the same.
    var version = 0
    /// By the key of the name.
    var members: [String: ChatMember] = [:]
}

/// Who is where, in all processes. Each keeps a list of its own guests, and tells the others of its changes and, with
/// each beat, of their number; one that has missed some asks for the list. A process that has not been heard of for a
/// while is gone with its guests: so one that was killed leaves nobody behind.
struct ChatPresence {
    private struct Process {
        var roster = ChatRoster()
        /// Monotonic nanoseconds.
        var heardAt: Int64
    }

    private let own: String
    private var processes: [String: Process]
    /// How many processes have somebody in a room, by key; more than one while a guest changes over.
    private var rooms: [String: [String: (name: String, count: Int)]] = [:]
    /// Rooms where somebody has come or gone since they were last asked for.
    private var changedRooms: Set<String> = []

    /// `own`: this process.
    init(own: String) {
        self.own = own
        processes = [own: Process(heardAt: .max)]
    }

    var ownRoster: ChatRoster { processes[own]!.roster }

    func member(_ key: String) -> ChatMember? { processes.values.lazy.compactMap { $0.roster.members[key] }.first }

    /// Names in a room, sorted.
    func people(in room: String) -> [String] { (rooms[room] ?? [:]).values.map(\.name).sorted() }

    mutating func takeChangedRooms() -> Set<String> {
        defer { changedRooms = [] }
        return changedRooms
    }

    // MARK: This process

    /// A guest of this process is somewhere else, or, with nil, gone. Returns the version of the list then.
    mutating func place(_ key: String, _ member: ChatMember?) -> Int {
        put(key, member, at: own)
        processes[own]!.roster.version += 1
        return ownRoster.version
    }

    // MARK: Others

    /// Another process lives. False when there is something to ask it.
    mutating func heard(_ process: String, version: Int, at now: Int64) -> Bool {
        guard processes[process] != nil else { return false }
        processes[process]!.heardAt = now
        return processes[process]!.roster.version == version
    }

    func knows(_ process: String) -> Bool { processes[process] != nil }

    /// A change at another process. False when there is something to ask it.
    mutating func moved(_ key: String, _ member: ChatMember?, at process: String, version: Int, _ now: Int64) -> Bool {
        // Names are unique: who is here now is nowhere else any more, whatever a process that died has said.
        if member != nil {
            for other in processes.keys where other != process && other != own { put(key, nil, at: other) }
        }
        guard heard(process, version: version - 1, at: now) else { return false }
        put(key, member, at: process)
        processes[process]!.roster.version = version
        return true
    }

    /// The whole list of another process.
    mutating func replace(_ process: String, _ roster: ChatRoster, at now: Int64) {
        forget(process)
        processes[process] = Process(heardAt: now)
        for (key, member) in roster.members { put(key, member, at: process) }
        processes[process]!.roster.version = roster.version
    }

    private mutating func forget(_ process: String) {
        guard process != own, let gone = processes[process] else { return }
        for key in gone.roster.members.keys { put(key, nil, at: process) }
        processes[process] = nil
    }

    /// Forgets whoever was not heard of since then.
    mutating func forgetSilent(since time: Int64) {
        for (name, process) in processes where process.heardAt < time { forget(name) }
    }

    // MARK: The index

    private mutating func put(_ key: String, _ member: ChatMember?, at process: String) {
        let old = processes[process]?.roster.members[key]
        guard old != member else { return }
        processes[process]?.roster.members[key] = member
        if let old { count(key, old, -1) }
        if let member { count(key, member, 1) }
    }

    private mutating func count(_ key: String, _ member: ChatMember, _ change: Int) {
        let count = (rooms[member.room]?[key]?.count ?? 0) + change
        rooms[member.room, default: [:]][key] = count > 0 ? (name: member.name, count: count) : nil
        if rooms[member.room]?.isEmpty ?? false { rooms[member.room] = nil }
        changedRooms.insert(member.room)
    }
}
