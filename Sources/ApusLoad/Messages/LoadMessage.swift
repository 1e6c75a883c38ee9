import ApusProtocols

/// The bytes of one message as they are sent.
nonisolated enum LoadMessage {
    /// Of UDP over IPv4.
    private static let mostDatagramBytes = 65_507

    /// Throws when the body cannot be a message of that protocol.
    static func check(_ body: [UInt8], _ spoken: LoadProtocol) throws(LoadOptionsError) {
        switch spoken {
        case .tcp where body.isEmpty, .udp where body.isEmpty:
            throw LoadOptionsError("--body", "what is sent needs at least a byte")
        case .udp where body.count > mostDatagramBytes:
            throw LoadOptionsError("--body", "a datagram has at most \(mostDatagramBytes) bytes")
        case .text where body.contains(0x0A): throw LoadOptionsError("--body", "a message of text is one line")
        default: break
        }
    }

    static func append(_ body: [UInt8], _ spoken: LoadProtocol, to bytes: inout [UInt8]) {
        switch spoken {
        case .http, .tcp, .udp: bytes += body
        case .text:
            bytes += body
            bytes.append(0x0A)
        case .frame:
            withUnsafeBytes(of: UInt32(body.count + 4).bigEndian) { bytes += $0 }
            bytes += body
        case .webSocket:
            let opcode: WebSocketOpcode = String(validating: body, as: UTF8.self) == nil ? .binary : .text
            bytes += frame(opcode, body)
        }
    }

    /// A frame of a client, whose payload is masked.
    static func frame(_ opcode: WebSocketOpcode, _ payload: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        // Masks protect proxies from browsers' scripts (RFC 6455 §10.3); one for all messages costs no server less.
        let head = WebSocketFrameHead(opcode, length: payload.count, mask: .random(in: 1 ... .max))
        payload.withUnsafeBytes { head.append($0, to: &bytes) }
        return bytes
    }
}
