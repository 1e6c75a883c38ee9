/// Why a request does not open a WebSocket, and what to answer.
package enum WebSocketRefusal: Error, Hashable, CustomStringConvertible {
    case methodNotGet
    case httpVersion
    case hasBody
    /// A field that may stand there once stands there again.
    case repeated(String)
    /// `Sec-WebSocket-Version` is not 13.
    case version
    case noVersion
    case noUpgrade
    case noConnectionOption
    case noKey
    case invalidKey
    case invalidSubprotocol
    case invalidExtensions

    /// The status of the answer.
    package var status: Int { self == .version ? 426 : 400 }

    /// Fields that the answer needs (RFC 6455 §4.2.2 and §4.4; RFC 9110 §15.5.22).
    package var fields: [(name: String, value: String)] {
        switch self {
        case .version:
            [("Connection", "Upgrade"), ("Upgrade", "WebSocket"), ("Sec-WebSocket-Version", "13")]
        case .noVersion, .noUpgrade: [("Sec-WebSocket-Version", "13")]
        default: []
        }
    }

    /// One sentence for whoever looks at the answer.
    package var description: String {
        switch self {
        case .methodNotGet: "A WebSocket is opened with GET."
        case .httpVersion: "A WebSocket is opened with HTTP/1.1."
        case .hasBody: "A request that opens a WebSocket has no body."
        case .repeated(let name): "\(name) is there more than once."
        case .version: "Only version 13 of the WebSocket protocol is spoken here."
        case .noVersion: "Sec-WebSocket-Version: 13 is missing."
        case .noUpgrade: "WebSocket is spoken here, and the request does not ask for it: Upgrade: websocket is missing."
        case .noConnectionOption:
            "Connection: Upgrade is missing. A proxy on the way may have removed it, and has to be told to pass it on."
        case .noKey: "Sec-WebSocket-Key is missing."
        case .invalidKey: "Sec-WebSocket-Key is not the base64 of 16 bytes."
        case .invalidSubprotocol: "Sec-WebSocket-Protocol is not a list of tokens."
        case .invalidExtensions: "Sec-WebSocket-Extensions is not a list of extensions."
        }
    }
}
