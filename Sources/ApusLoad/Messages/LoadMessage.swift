import ApusProtocols

/// The bytes of one message as they are sent.
nonisolated enum LoadMessage {
    /// Throws when the body cannot be a message of that protocol.
    static func encoded(_ body: [UInt8], _ spoken: LoadProtocol) throws(LoadOptionsError) -> [UInt8] {
        switch spoken {
        case .http, .tcp:
            guard !body.isEmpty else { throw LoadOptionsError("--body", "what is sent needs at least a byte") }
            return body
        case .text:
            guard !body.contains(0x0A) else { throw LoadOptionsError("--body", "a message of text is one line") }
            return body + [0x0A]
        case .frame: return withUnsafeBytes(of: UInt32(body.count + 4).bigEndian) { Array($0) } + body
        case .webSocket:
            let opcode: WebSocketOpcode = String(validating: body, as: UTF8.self) == nil ? .binary : .text
            return frame(opcode, body)
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
