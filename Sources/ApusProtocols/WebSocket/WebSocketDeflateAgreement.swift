/// How two sides compress messages (RFC 7692 §7.1).
package struct WebSocketDeflateAgreement: Sendable, Hashable {
    /// The server starts each message with an empty window.
    package var serverNoContextTakeover = false
    /// The client starts each message with an empty window.
    package var clientNoContextTakeover = false
    /// The server's window is at most 2 to this power, 8 to 15; never 8 where this is the server.
    package var serverMaxWindowBits = 15
    /// The client's window is at most 2 to this power, 8 to 15; never 8 where this is the client.
    package var clientMaxWindowBits = 15
    /// The value of `Sec-WebSocket-Extensions` in the server's answer.
    package private(set) var fieldValue = WebSocketDeflateParameters.name

    /// What a server answers to an offer; nil when it declines.
    package init?(_ offer: WebSocketExtension, _ settings: WebSocketCompression) {
        guard let offered = WebSocketDeflateParameters(offer, ofOffer: true) else { return nil }
        // RFC 7692 §7.1.1: asked for, the server has to; the client may be asked in any case.
        serverNoContextTakeover = offered.serverNoContextTakeover || settings.serverNoContextTakeover
        clientNoContextTakeover = offered.clientNoContextTakeover || settings.clientNoContextTakeover
        serverMaxWindowBits = min(offered.serverMaxWindowBits ?? 15, settings.serverMaxWindowBits)
        // zlib cannot compress with a window of 8 bits.
        guard serverMaxWindowBits > 8 else { return nil }
        var answer = WebSocketDeflateParameters()
        answer.serverNoContextTakeover = serverNoContextTakeover
        answer.clientNoContextTakeover = clientNoContextTakeover
        // §7.1.2.1: asked for, it is confirmed.
        if serverMaxWindowBits < 15 || offered.serverMaxWindowBits != nil {
            answer.serverMaxWindowBits = serverMaxWindowBits
        }
        // §7.1.2.2: only a client that knows the parameter may be told.
        if offered.allowsClientMaxWindowBits {
            clientMaxWindowBits = min(offered.clientMaxWindowBits ?? 15, settings.clientMaxWindowBits)
            if clientMaxWindowBits < 15 { answer.clientMaxWindowBits = clientMaxWindowBits }
        }
        fieldValue = answer.fieldValue
    }

    /// What a client offers: the value of `Sec-WebSocket-Extensions` in its request.
    package static func offer(_ settings: WebSocketCompression) -> String {
        var offer = WebSocketDeflateParameters()
        offer.serverNoContextTakeover = settings.serverNoContextTakeover
        offer.clientNoContextTakeover = settings.clientNoContextTakeover
        offer.serverMaxWindowBits = settings.serverMaxWindowBits < 15 ? settings.serverMaxWindowBits : nil
        offer.clientMaxWindowBits = settings.clientMaxWindowBits < 15 ? settings.clientMaxWindowBits : nil
        offer.allowsClientMaxWindowBits = true
        return offer.fieldValue
    }

    /// What a client that offered `settings` takes from the server's answer; nil when the answer does not fit.
    package init?(answer: WebSocketExtension, to settings: WebSocketCompression) {
        guard let given = WebSocketDeflateParameters(answer, ofOffer: false) else { return nil }
        // RFC 7692 §7.1.1.1 and §7.1.2.1: a server that cannot do what was asked had to decline.
        guard given.serverNoContextTakeover || !settings.serverNoContextTakeover else { return nil }
        serverNoContextTakeover = given.serverNoContextTakeover
        clientNoContextTakeover = given.clientNoContextTakeover || settings.clientNoContextTakeover
        serverMaxWindowBits = given.serverMaxWindowBits ?? 15
        guard serverMaxWindowBits <= settings.serverMaxWindowBits else { return nil }
        clientMaxWindowBits = min(given.clientMaxWindowBits ?? 15, settings.clientMaxWindowBits)
        // More than was offered is not the server's to give; zlib cannot compress with a window of 8 bits.
        guard given.clientMaxWindowBits ?? 0 <= settings.clientMaxWindowBits, clientMaxWindowBits > 8 else {
            return nil
        }
        fieldValue = given.fieldValue
    }
}
