/// The parameters of permessage-deflate, as an offer or an answer has them (RFC 7692 §7.1).
struct WebSocketDeflateParameters {
    static let name = "permessage-deflate"

    var serverNoContextTakeover = false
    var clientNoContextTakeover = false
    /// Nil where the parameter is not there.
    var serverMaxWindowBits: Int?
    /// Nil where the parameter is not there, or has no value.
    var clientMaxWindowBits: Int?
    /// `client_max_window_bits` is there.
    var allowsClientMaxWindowBits = false

    init() {}

    /// Nil for another extension, and for parameters that are unknown, repeated or have an invalid value: each of these
    /// declines the offer (§7.1), or fails the connection when it is in an answer.
    init?(_ found: WebSocketExtension, ofOffer: Bool) {
        guard found.name == Self.name else { return nil }
        for parameter in found.parameters {
            switch (parameter.name, parameter.value) {
            case ("server_no_context_takeover", nil) where !serverNoContextTakeover: serverNoContextTakeover = true
            case ("client_no_context_takeover", nil) where !clientNoContextTakeover: clientNoContextTakeover = true
            case ("server_max_window_bits", let value?) where serverMaxWindowBits == nil:
                guard let bits = Self.windowBits(value) else { return nil }
                serverMaxWindowBits = bits
            case ("client_max_window_bits", let value) where !allowsClientMaxWindowBits:
                allowsClientMaxWindowBits = true
                // §7.1.2.2: only an offer may leave the value out.
                guard let value else {
                    guard ofOffer else { return nil }
                    continue
                }
                guard let bits = Self.windowBits(value) else { return nil }
                clientMaxWindowBits = bits
            default: return nil
            }
        }
    }

    /// As the field has it.
    var fieldValue: String {
        var text = Self.name
        if serverNoContextTakeover { text += "; server_no_context_takeover" }
        if clientNoContextTakeover { text += "; client_no_context_takeover" }
        if let serverMaxWindowBits { text += "; server_max_window_bits=\(serverMaxWindowBits)" }
        if let clientMaxWindowBits {
            text += "; client_max_window_bits=\(clientMaxWindowBits)"
        } else if allowsClientMaxWindowBits {
            text += "; client_max_window_bits"
        }
        return text
    }

    /// 8 to 15, without leading zeros.
    private static func windowBits(_ value: String) -> Int? {
        switch value {
        case "8": 8
        case "9": 9
        case "10": 10
        case "11": 11
        case "12": 12
        case "13": 13
        case "14": 14
        case "15": 15
        default: nil
        }
    }
}
