/// What a NATS server says, one operation at a time (NATS client protocol).
package enum NATSOperation: Sendable, Equatable {
    /// Who it is and what it wants to hear, as JSON.
    case info([UInt8])
    case message(NATSDelivery)
    case ping
    case pong
    /// A positive answer, which is asked for by verbose clients alone.
    case ok
    case error(String)
}

/// A message on its way to one subscription.
package struct NATSDelivery: Sendable, Equatable {
    package var subject: String
    /// The subscription, by the number that the client gave it.
    package var subscription: Int
    package var replyTo: String?
    package var headers = NATSHeaders()
    /// What its publisher sent as headers are none, and left out: that is no fault of the server's.
    package var hasMalformedHeaders = false
    package var payload: [UInt8]
}

/// Why bytes are no operation of a NATS server.
package struct NATSSyntaxError: Error, Equatable, CustomStringConvertible, Sendable {
    package let description: String
    init(_ description: String) { self.description = description }
}
