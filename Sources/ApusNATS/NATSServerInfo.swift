import ApusProtocols

/// What a server says of itself (`INFO`), as far as it matters.
struct NATSServerInfo {
    /// Bytes of one message, its headers included.
    private(set) var maxPayload = 1024 * 1024
    private(set) var requiresTLS = false
    private(set) var offersTLS = false

    /// Nil for what is no JSON object.
    init?(_ json: [UInt8]) {
        var members: [(name: String, value: String)] = []
        do {
            try json.withUnsafeBytes { bytes in
                try JSONScanner.members(of: bytes) { name, range in
                    members.append((name, String(decoding: bytes[range], as: UTF8.self)))
                }
            }
        } catch {
            return nil
        }
        for (name, value) in members {
            switch name {
            case "max_payload": maxPayload = Int(value) ?? maxPayload
            case "tls_required": requiresTLS = value == "true"
            case "tls_available": offersTLS = value == "true"
            default: break
            }
        }
        offersTLS = offersTLS || requiresTLS
    }
}

/// What a client says of itself (`CONNECT`).
struct NATSLogin {
    let json: [UInt8]

    init(_ target: NATSTarget, name: String, isSecured: Bool) {
        var json = Array(#"{"verbose":false,"pedantic":false,"lang":"swift","version":"1","protocol":1"#.utf8)
        json += #","headers":true,"no_responders":true,"tls_required":\#(isSecured)"#.utf8
        for (key, text) in [
            ("name", name), ("user", target.user), ("pass", target.password), ("auth_token", target.token),
        ] as [(String, String?)] {
            guard let text else { continue }
            json += #","\#(key)":"#.utf8
            JSONText.append(text, to: &json)
        }
        self.json = json + [UInt8(ascii: "}")]
    }
}
