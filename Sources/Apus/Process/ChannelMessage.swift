/// What master and worker say to each other over the channel between them: one message each, of this byte, and perhaps
/// text or a descriptor.
nonisolated enum ChannelMessage: UInt8 {
    // From the worker.

    /// Started, accepting.
    case ready = 0x52
    /// This process has served enough: replace it.
    case recycle = 0x43
    /// Stop the service, at once or gracefully.
    case stopService = 0x58
    case stopServiceGracefully = 0x59
    /// `reload` of the service, and `reload -g`.
    case reloadService = 0x4D
    case reloadServiceGracefully = 0x57
    /// The connections that were asked for, in the file that comes with it, and the number of the question.
    case report = 0x50
    /// The process of this number is to be told of again: what came had lost its inbox, as no descriptor was free.
    case peerMissed = 0x55
    /// A line for the log, from a process that may not write there.
    case log = 0x4F

    // From the master.

    /// Stop now.
    case stop = 0x53
    /// Stop when the connections have gone.
    case stopGracefully = 0x47
    /// Your replacement is accepting; finish what is under way and leave. A daemon's output, opened anew, comes with
    /// it, as with the next two.
    case drain = 0x44
    /// As `drain`, without a deadline.
    case drainGracefully = 0x45
    /// `reload` for a worker that stays.
    case reload = 0x4C
    /// Report your connections, as rows of text or as JSON, and repeat this number.
    case connections = 0x54
    case connectionsJSON = 0x4A
    /// There is another process, whose inbox comes with it: see `PeerNews`.
    case peer = 0x4E
    /// The one of this number has ended.
    case peerGone = 0x46

    /// Whether a daemon's output, opened anew, comes with it.
    var takesOutput: Bool { self == .drain || self == .drainGracefully || self == .reload }

    /// Bytes of one message.
    static let capacity = 16 * 1024

    /// The bytes that carry a message; of a text that is too long the beginning.
    func bytes(_ text: String) -> [UInt8] { [rawValue] + text.utf8.prefix(Self.capacity - 1) }

    /// Reads what has come; nil for what is no message.
    static func read(_ bytes: UnsafeRawBufferPointer) -> (message: ChannelMessage, text: String)? {
        bytes.first.flatMap(ChannelMessage.init(rawValue:)).map { ($0, String(decoding: bytes[1...], as: UTF8.self)) }
    }
}
