/// Which end of a connection this is: a server reads masked frames and writes others, a client the other way round
/// (RFC 6455 §5.1).
package enum WebSocketRole: Sendable {
    case server, client

    /// The mask bit of the frames that come in.
    var maskBit: UInt8 { self == .server ? 0x80 : 0 }
}
