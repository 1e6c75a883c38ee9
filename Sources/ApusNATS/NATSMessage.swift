public import ApusProtocols

/// The headers of a message.
public typealias NATSHeaders = ApusProtocols.NATSHeaders

/// A message that was received.
public nonisolated struct NATSMessage: Sendable, Hashable {
    /// What it was published to.
    public let subject: String
    /// Where an answer is to go; nil when none is wanted.
    public let replyTo: String?
    /// Its headers; mostly none.
    public let headers: NATSHeaders
    /// What it carries.
    public let payload: [UInt8]

    /// What it carries, as text.
    public var text: String { String(decoding: payload, as: UTF8.self) }

    init(_ delivery: NATSDelivery) {
        subject = delivery.subject
        replyTo = delivery.replyTo
        headers = delivery.headers
        payload = delivery.payload
    }
}

/// What a message can carry.
public protocol NATSPayload {
    /// The bytes that are sent.
    nonisolated var natsBytes: [UInt8] { get }
}

extension String: NATSPayload {
    /// The text in UTF-8.
    public nonisolated var natsBytes: [UInt8] { Array(utf8) }
}

extension [UInt8]: NATSPayload {
    /// The bytes themselves.
    public nonisolated var natsBytes: [UInt8] { self }
}
