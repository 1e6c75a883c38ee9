/// Opens a tunnel through a SOCKS 5 proxy (RFC 1928), with user name and password where the proxy wants them
/// (RFC 1929). Names are resolved by the proxy.
public struct SOCKS5Handshake: ProxyHandshake {
    private enum Phase {
        case method, authentication, reply, done
    }

    private enum Method {
        static let none: UInt8 = 0
        static let password: UInt8 = 2
        static let noneAcceptable: UInt8 = 0xFF
    }

    private let target: ProxyTarget
    private let credentials: (username: [UInt8], password: [UInt8])?
    private var phase = Phase.method

    /// `host` is a numeric address or a name of 1 to 255 bytes, `port` 1 to 65535; user name and password have 1 to
    /// 255 bytes and come together (RFC 1929 §2). Throws what is wrong with them.
    public init(host: String, port: Int, username: String?, password: String?) throws(ProxyHandshakeError) {
        target = try ProxyTarget(host: host, port: port)
        switch (username, password) {
        case (nil, nil): credentials = nil
        case (let username?, let password?):
            for (name, value) in [("user name", username), ("password", password)] {
                guard (1...255).contains(value.utf8.count) else {
                    throw .invalidCredentials("the \(name) has \(value.utf8.count) bytes, not 1 to 255")
                }
            }
            credentials = ([UInt8](username.utf8), [UInt8](password.utf8))
        default: throw .invalidCredentials("user name and password come together")
        }
    }

    public func open() -> [UInt8] {
        credentials == nil ? [5, 1, Method.none] : [5, 2, Method.none, Method.password]
    }

    public mutating func receive(
        _ bytes: UnsafeRawBufferPointer
    ) throws(ProxyHandshakeError) -> (consumed: Int, step: ProxyHandshakeStep) {
        switch phase {
        case .method: try receiveMethod(bytes)
        case .authentication: try receiveAuthentication(bytes)
        case .reply: try receiveReply(bytes)
        case .done: (0, .done)
        }
    }

    /// RFC 1928 §3.
    private mutating func receiveMethod(
        _ bytes: UnsafeRawBufferPointer
    ) throws(ProxyHandshakeError) -> (consumed: Int, step: ProxyHandshakeStep) {
        try checkVersion(bytes)
        guard bytes.count >= 2 else { return (0, .needMore) }
        switch (bytes[1], credentials) {
        case (Method.none, _):
            phase = .reply
            return (2, .send(request))
        case (Method.password, let credentials?):
            phase = .authentication
            let (username, password) = credentials
            return (2, .send([1, UInt8(username.count)] + username + [UInt8(password.count)] + password))
        case (Method.noneAcceptable, _): throw .noAcceptableMethod
        case (let method, _): throw .protocolViolation("method \(method), which was not offered")
        }
    }

    /// RFC 1929 §2.
    private mutating func receiveAuthentication(
        _ bytes: UnsafeRawBufferPointer
    ) throws(ProxyHandshakeError) -> (consumed: Int, step: ProxyHandshakeStep) {
        guard let version = bytes.first else { return (0, .needMore) }
        guard version == 1 else { throw .protocolViolation("version \(version) of the authentication, not 1") }
        guard bytes.count >= 2 else { return (0, .needMore) }
        guard bytes[1] == 0 else { throw .authenticationFailed(status: bytes[1]) }
        phase = .reply
        return (2, .send(request))
    }

    /// RFC 1928 §6. Where the proxy bound its end is of no use here and skipped.
    private mutating func receiveReply(
        _ bytes: UnsafeRawBufferPointer
    ) throws(ProxyHandshakeError) -> (consumed: Int, step: ProxyHandshakeStep) {
        try checkVersion(bytes)
        guard bytes.count >= 2 else { return (0, .needMore) }
        guard bytes[1] == 0 else { throw .refused(reply: bytes[1]) }
        guard bytes.count >= 3 else { return (0, .needMore) }
        guard bytes[2] == 0 else { throw .protocolViolation("reserved byte \(bytes[2]), not 0") }
        guard bytes.count >= 4 else { return (0, .needMore) }
        let addressCount: Int
        switch bytes[3] {
        case 1: addressCount = 4
        case 3:
            guard bytes.count >= 5 else { return (0, .needMore) }
            addressCount = 1 + Int(bytes[4])
        case 4: addressCount = 16
        default: throw .protocolViolation("address type \(bytes[3])")
        }
        let count = 4 + addressCount + 2
        guard bytes.count >= count else { return (0, .needMore) }
        phase = .done
        return (count, .done)
    }

    private func checkVersion(_ bytes: UnsafeRawBufferPointer) throws(ProxyHandshakeError) {
        guard let version = bytes.first, version != 5 else { return }
        throw .protocolViolation("version \(version), not 5")
    }

    /// CONNECT, RFC 1928 §4.
    private var request: [UInt8] {
        let address: [UInt8] =
            switch target.host {
            case .ipv4(let bytes): [1] + bytes
            case .ipv6(let bytes): [4] + bytes
            case .name: [3, UInt8(target.text.utf8.count)] + target.text.utf8
            }
        return [5, 1, 0] + address + [UInt8(target.port >> 8), UInt8(target.port & 0xFF)]
    }
}
