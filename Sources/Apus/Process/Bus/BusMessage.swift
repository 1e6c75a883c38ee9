/// Who has sent a message over the bus.
public nonisolated struct BusSender: Sendable, Hashable, CustomStringConvertible {
    /// The worker's name.
    public let worker: String
    /// The number of the process among those of the worker.
    public let id: Int

    /// "chat/0", as the log writes it.
    public var description: String { "\(worker)/\(id)" }
}

/// A message of another process of the program, or of this one; see `ProcessBus`.
public nonisolated struct BusMessage: Sendable {
    /// What it was sent as.
    public let event: String
    /// What it says.
    public let data: [UInt8]
    /// Who has sent it.
    public let sender: BusSender

    /// What it says, read as UTF-8.
    public var text: String { String(decoding: data, as: UTF8.self) }
}
