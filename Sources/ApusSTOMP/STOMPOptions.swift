public import Apus
public import ApusProtocols

/// How a `STOMPClient` connects, and what it bounds.
public nonisolated struct STOMPOptions: Sendable, Hashable {
    /// What of heart-beats is offered to the broker. Both sides agree on the longer interval of each direction.
    public struct HeartBeat: Sendable, Hashable {
        /// Seconds after which this side sends at least something; 0 for no promise.
        public var sends: Double
        /// Seconds after which the broker should send at least something; 0 for no wish. When nothing came for twice
        /// as long the connection is made anew.
        public var expects: Double

        /// An offer of these seconds.
        public init(sends: Double, expects: Double) {
            self.sends = sends
            self.expects = expects
        }

        /// None in either direction: a broker that vanishes without closing is not noticed.
        public static let off = HeartBeat(sends: 0, expects: 0)
    }

    /// The virtual host that is asked for.
    public var virtualHost = "/"
    /// Who logs in, unless the address says so.
    public var login = "guest"
    /// The password, unless the address has one.
    public var passcode: String {
        get { secret.text ?? "" }
        set { secret.text = newValue }
    }
    /// The versions that are offered to the broker.
    public var versions: Set<STOMPVersion> = Set(STOMPVersion.allCases)
    /// Ten seconds in both directions unless set.
    public var heartBeat = HeartBeat(sends: 10, expects: 10)
    /// Seconds that an attempt may take until the session is open: name, connection, TLS and CONNECTED together.
    public var connectTimeout = 30.0
    /// Seconds before the first attempt to connect again; 0 for never. Further ones come after pauses that double up to
    /// `longestReconnectPause`. Up to half of each is left off at random.
    public var reconnectPeriod = 2.0
    /// Seconds that no pause between two attempts exceeds.
    public var longestReconnectPause = 30.0
    /// Seconds that the broker may take to confirm something.
    public var receiptTimeout = 30.0
    /// Confirmations that may be waited for at the same time.
    public var maxOutstandingReceipts = 10_000
    /// Bytes that may wait to be sent. One frame may exceed it.
    public var maxUnsentBytes = 16 * 1024 * 1024
    /// Bytes of one frame of the broker; a longer one ends the connection.
    public var maxFrameBytes = 16 * 1024 * 1024
    /// Bytes of messages that a sequence may hold until it is asked for them; then reading stops. While confirmations
    /// are waited for it goes on up to four times as many, at which the sequence ends with
    /// `STOMPError.consumerTooSlow`.
    public var maxBufferedBytes = 16 * 1024 * 1024
    /// Headers of one frame of the broker; more end the connection.
    public var maxHeaderCount = 256
    /// TLS, local address, proxy and socket options. Its time-out and reconnection are those above.
    public var connect = ConnectOptions()
    private var secret = Secret("guest")

    /// The defaults of each property.
    public init() {}
}

/// Where a client is.
public nonisolated enum STOMPState: String, Sendable, Hashable {
    /// `connect` was not called yet.
    case initial = "INITIAL"
    /// The connection is being made, or will be after a pause.
    case connecting = "CONNECTING"
    /// The broker has not opened the session yet.
    case waitingForConnected = "WAITCONACK"
    /// Frames can be sent.
    case established = "ESTABLISHED"
    /// The broker has not confirmed the end of the session yet.
    case disconnecting = "DISCONNECTING"
    /// There is no connection, and none is being made.
    case disconnected = "DISCONNECT"
}

/// How messages of a subscription are acknowledged.
public nonisolated enum STOMPAckMode: String, Sendable, Hashable {
    /// Not at all: what was sent counts as delivered.
    case auto
    /// An acknowledgement counts for all messages of the subscription before it, too.
    case client
    /// An acknowledgement counts for its message alone. Since version 1.1.
    case clientIndividual = "client-individual"
}
