/// What a socket is for, and with which sockets it speaks.
public nonisolated enum ZMQSocketType: String, Sendable, Hashable, CaseIterable {
    /// Hands messages to PULL sockets, one to each in turn.
    case push = "PUSH"
    /// Gets messages of PUSH sockets, from each in turn.
    case pull = "PULL"
    /// Sends messages to all SUB sockets that want them. What a subscriber has no room for is dropped.
    case pub = "PUB"
    /// Gets the messages of PUB sockets that begin with one of its prefixes.
    case sub = "SUB"
    /// Asks REP or ROUTER sockets, and waits for the reply before it asks again.
    case req = "REQ"
    /// Answers REQ or DEALER sockets, one at a time.
    case rep = "REP"
    /// A REQ that need not wait: speaks with REP, ROUTER and DEALER sockets.
    case dealer = "DEALER"
    /// A REP that need not answer in turn: the first part of each message is the identity of the peer.
    case router = "ROUTER"
}

/// How a socket behaves, and what it bounds.
public nonisolated struct ZMQOptions: Sendable, Hashable {
    /// Messages that may wait to be sent to one peer; then there is no room. 0 for no bound.
    public var sendHighWaterMark = 1000
    /// Messages of one peer that may wait to be received; then the peer feels it. 0 for no bound.
    public var receiveHighWaterMark = 1000
    /// Bytes of one part of a message of a peer; a peer that sends more is disconnected.
    public var maxPartBytes = 64 * 1024 * 1024
    /// Seconds that messages which were accepted by `send` are still sent after `close`, in the background.
    public var linger = 1.0
    /// Seconds before a connection that broke is made again. Further attempts come after pauses that double up to
    /// `maxReconnectInterval`.
    public var reconnectInterval = 0.1
    /// Seconds that no pause between two attempts exceeds.
    public var maxReconnectInterval = 10.0
    /// Seconds that one attempt to connect may take.
    public var connectTimeout = 10.0
    /// Seconds that a peer may take to say who it is.
    public var handshakeTimeout = 10.0
    /// Seconds between heart-beats to peers, which are disconnected when nothing is heard of them for twice as long. Of
    /// no effect with peers that do not know heart-beats (before ZMTP 3.1). Nil for none: a peer that vanishes is
    /// noticed by TCP alone.
    public var heartbeat: Double?
    /// What ROUTER sockets know this socket by; 1 to 255 bytes that do not begin with a zero. Random unless set.
    public var identity: [UInt8]?
    /// Messages wait for peers that are connected, not for those that may be later: with this there is no room for a
    /// message as long as nobody is connected.
    public var onlyConnectedPeers = false
    /// Seconds that `send` waits for room.
    public var sendTimeout = 30.0
    /// Messages that may wait for room in this process, beside those in the queues of peers.
    public var maxWaitingSends = 10_000

    /// The defaults of each property.
    public init() {}
}
