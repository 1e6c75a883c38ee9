import ApusProtocols

/// Why something that was asked of a STOMP broker has not happened.
public nonisolated enum STOMPError: Error, Sendable, Hashable, CustomStringConvertible {
    /// There is no session with the broker. Nothing was sent.
    case notConnected
    /// The connection could not be made, or the broker did not open a session in time. It is tried again.
    case connectFailed(String)
    /// The broker sent an ERROR frame, and closes the connection. `message` is its short text, `details` its body.
    case refused(message: String, details: String)
    /// The connection broke before the broker confirmed. What was sent may have arrived or not.
    case connectionLost(String)
    /// Nothing was heard of the broker for twice as long as was agreed on.
    case heartBeatMissed
    /// The broker sent what is no STOMP.
    case protocolViolation(String)
    /// The broker did not confirm within `STOMPOptions.receiptTimeout`. It may have done what was asked, or do it yet.
    case timedOut
    /// `STOMPOptions.maxUnsentBytes` wait to be sent already. Nothing was sent.
    case sendBufferFull(Int)
    /// `STOMPOptions.maxOutstandingReceipts` confirmations are waited for already. Nothing was sent.
    case tooManyReceipts(Int)
    /// The frame cannot be sent in the version that is spoken.
    case invalidFrame(String)
    /// The version that is spoken does not have it.
    case unsupported(String)
    /// The transaction was committed or aborted, or its session has ended, which aborts it.
    case transactionOver
    /// More messages came than the subscription may hold while they could not be held back. It was ended; what it held
    /// is still delivered, what came after that is not.
    case consumerTooSlow(Int)
    /// The client was closed.
    case closed
    /// The address of the broker cannot be understood.
    case invalidAddress(String, reason: String)

    /// Whether the broker may have done what was asked, or may do it yet.
    public var mayHaveHappened: Bool {
        switch self {
        case .connectionLost, .timedOut, .heartBeatMissed, .protocolViolation: true
        default: false
        }
    }

    /// One line for the log.
    public var description: String {
        switch self {
        case .notConnected: "Connection not established"
        case .connectFailed(let reason): "the STOMP broker cannot be reached: \(reason)"
        case .refused(let message, let details):
            "the STOMP broker refuses: \(message)" + (details.isEmpty ? "" : " (\(Self.excerpt(details)))")
        case .connectionLost(let reason): "the connection to the STOMP broker broke: \(reason)"
        case .heartBeatMissed: "the STOMP broker was not heard of for too long"
        case .protocolViolation(let reason): "the broker sent what is no STOMP: \(reason)"
        case .timedOut: "the STOMP broker did not confirm in time"
        case .sendBufferFull(let bytes): "\(bytes) bytes wait for the STOMP broker already"
        case .tooManyReceipts(let count): "\(count) confirmations of the STOMP broker are waited for already"
        case .invalidFrame(let reason): "the frame cannot be sent: \(reason)"
        case .unsupported(let what): "the STOMP that the broker speaks has no \(what)"
        case .transactionOver: "the transaction is over"
        case .consumerTooSlow(let count): "the subscription held \(count) messages that nobody took"
        case .closed: "the STOMP client was closed"
        case .invalidAddress(let text, let reason): "address \"\(text)\": \(reason)"
        }
    }

    private static func excerpt(_ text: String) -> String {
        let line = text.prefix { $0 != "\n" && $0 != "\r\n" && $0 != "\r" }
        return String(line.prefix(200))
    }

    init(_ frame: STOMPFrame) {
        self = .refused(message: frame.headers["message"] ?? "no reason was given", details: frame.text)
    }
}
