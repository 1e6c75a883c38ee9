/// Why no tunnel through a proxy can be opened.
public enum ProxyHandshakeError: Error, CustomStringConvertible, Sendable, Hashable {
    /// The host to reach cannot be named to a proxy: what was given, and what is wrong with it.
    case invalidHost(String, reason: String)
    /// The port to reach is not one of 1 to 65535.
    case invalidPort(Int)
    /// User name or password cannot be sent: what is wrong.
    case invalidCredentials(String)
    /// The proxy does not keep to its protocol: how.
    case protocolViolation(String)
    /// The proxy takes no method of authentication that was offered (RFC 1928 §3).
    case noAcceptableMethod
    /// The proxy refuses user name and password, with this status (RFC 1929 §2).
    case authenticationFailed(status: UInt8)
    /// The proxy refuses the tunnel, with this reply code of RFC 1928 §6.
    case refused(reply: UInt8)
    /// The proxy answers CONNECT with a status other than 2xx (RFC 9110 §9.3.6).
    case refusedHTTP(status: Int, reason: String)
    /// The proxy's answer to CONNECT is longer than this number of bytes.
    case replyTooLarge(limit: Int)

    /// One line for the user.
    public var description: String {
        switch self {
        case .invalidHost(let host, let reason): "host \"\(host)\" cannot be reached through a proxy: \(reason)"
        case .invalidPort(let port): "port \(port) cannot be reached through a proxy: it is not 1 to 65535"
        case .invalidCredentials(let reason): "credentials for the proxy: \(reason)"
        case .protocolViolation(let reason): "the proxy's reply is invalid: \(reason)"
        case .noAcceptableMethod: "the proxy accepts no offered method of authentication"
        case .authenticationFailed(let status): "the proxy refuses user name and password (status \(status))"
        case .refused(let reply): "the proxy refuses the connection: \(Self.text(ofReply: reply))"
        case .refusedHTTP(let status, let reason):
            "the proxy refuses the connection: \(status)" + (reason.isEmpty ? "" : " \(reason)")
        case .replyTooLarge(let limit): "the proxy's reply is longer than \(limit) bytes"
        }
    }

    /// RFC 1928 §6.
    private static func text(ofReply code: UInt8) -> String {
        switch code {
        case 1: "general SOCKS server failure"
        case 2: "connection not allowed by ruleset"
        case 3: "network unreachable"
        case 4: "host unreachable"
        case 5: "connection refused"
        case 6: "TTL expired"
        case 7: "command not supported"
        case 8: "address type not supported"
        default: "unassigned reply code \(code)"
        }
    }
}
