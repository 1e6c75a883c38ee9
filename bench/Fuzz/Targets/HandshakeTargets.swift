import CApus

/// Handshakes of WebSockets. The first byte says of what: a request, the lists in one, an answer, an address.
func fuzzHandshake(_ input: UnsafeRawBufferPointer) {
    guard let first = input.first else { return }
    let rest = [UInt8](input[1...])
    switch first & 3 {
    case 0: fuzzOpening(rest, first)
    case 1: fuzzLists(rest, first)
    case 2: fuzzAnswer(rest, first)
    default: fuzzAddress(rest)
    }
}

/// Settings that a byte chooses.
private func settings(_ byte: UInt8) -> WebSocketCompression {
    let windows = [9, 10, 14, 15]
    return WebSocketCompression(
        serverNoContextTakeover: byte & 4 != 0, clientNoContextTakeover: byte & 8 != 0,
        serverMaxWindowBits: windows[Int(byte >> 4) & 3], clientMaxWindowBits: windows[Int(byte >> 6)])
}

/// A request as a server sees it.
private func fuzzOpening(_ bytes: [UInt8], _ choice: UInt8) {
    let limits = HTTPRequestLimits()
    let fields = UnsafeMutablePointer<HTTPFieldRange>.allocate(capacity: limits.maxFields)
    defer { fields.deallocate() }
    var parser = HTTPRequestParser(limits: limits, fields: fields)
    let message = bytes + [UInt8](repeating: 0, count: Int(CAPUS_SCAN_PADDING))
    message.withUnsafeBufferPointer { message in
        let start = message.baseAddress!
        guard case .complete = parser.parse(start, count: bytes.count) else { return }
        let lines = HTTPFieldLines(
            bytes: start, fields: UnsafeBufferPointer(start: fields, count: parser.head.fieldCount))
        do throws(WebSocketRefusal) {
            checkOffer(try WebSocketOffer(head: parser.head, lines: lines), settings(choice))
        } catch {
            check(error.status == 426 || error.status == 400, "\(error.status)")
        }
    }
}

/// A request that is right but for its lists, of extensions and of sub-protocols.
private func fuzzLists(_ bytes: [UInt8], _ choice: UInt8) {
    let parts = bytes.split(separator: UInt8(ascii: "|"), maxSplits: 1, omittingEmptySubsequences: false)
    var request = Array("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n".utf8)
    request += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n".utf8
    request += Array("Sec-WebSocket-Extensions: ".utf8) + parts[0]
    if parts.count > 1 { request += Array("\r\nSec-WebSocket-Protocol: ".utf8) + parts[1] }
    fuzzOpening(request + "\r\n\r\n".utf8, choice)
}

private func checkOffer(_ offer: WebSocketOffer, _ settings: WebSocketCompression) {
    check(offer.key.count == 24, "a key of \(offer.key.count) bytes")
    check(Set(offer.subprotocols).count == offer.subprotocols.count, "a sub-protocol twice")
    let agreement = offer.deflate(settings)
    let answer = text(offer.answer(subprotocol: offer.subprotocols.first, deflate: agreement))
    let lines = 5 + (offer.subprotocols.isEmpty ? 0 : 1) + (agreement == nil ? 0 : 1)
    check(answer.utf8.count(where: { $0 == 0x0A }) == lines, "another number of lines")
    guard let agreement else { return }
    check((9...settings.serverMaxWindowBits).contains(agreement.serverMaxWindowBits), "the server's window")
    check((8...15).contains(agreement.clientMaxWindowBits), "the client's window")
    let field = Array(agreement.fieldValue.utf8).withUnsafeBytes { WebSocketExtension.list($0) }
    check(field?.count == 1, "an answer that cannot be read")
}

/// An answer as a client sees it, at once and in two pieces.
private func fuzzAnswer(_ bytes: [UInt8], _ choice: UInt8) {
    var wishes = WebSocketClientHandshake.Wishes()
    wishes.subprotocols = ["a", "b"]
    if choice & 0x80 == 0 { wishes.compression = settings(choice) }
    guard let url = try? WebSocketURL("ws://h"),
        let handshake = try? WebSocketClientHandshake(url, key: Array("the sample nonce".utf8), wishes)
    else { fatalError("no handshake") }
    let whole = receive(bytes, handshake, cuts: [])
    for cut in [bytes.count / 3, bytes.count / 2, bytes.count - min(bytes.count, 1)] {
        check(receive(bytes, handshake, cuts: [cut]) == whole, "otherwise when \(cut) bytes come first")
    }
    guard case .success(let agreement?) = whole else { return }
    check(agreement.byteCount <= min(bytes.count, WebSocketClientHandshake.maxAnswerBytes), "beyond the answer")
    check(agreement.response.status == 101, "\(agreement.response.status)")
    check(agreement.subprotocol.map(wishes.subprotocols.contains) ?? true, "another sub-protocol")
    guard let deflate = agreement.deflate else { return }
    guard let compression = wishes.compression else { fatalError("an extension that was not offered") }
    check((8...compression.serverMaxWindowBits).contains(deflate.serverMaxWindowBits), "the server's window")
    check((9...compression.clientMaxWindowBits).contains(deflate.clientMaxWindowBits), "the client's window")
}

private func receive(
    _ bytes: [UInt8], _ handshake: WebSocketClientHandshake, cuts: [Int]
) -> Result<WebSocketClientHandshake.Agreement?, WebSocketHandshakeError> {
    var handshake = handshake
    do {
        for count in cuts + [bytes.count] {
            // Copied, so that reading beyond what has arrived is seen.
            let arrived = Array(bytes[..<count])
            if let agreement = try arrived.withUnsafeBytes({ try handshake.receive($0) }) { return .success(agreement) }
        }
        return .success(nil)
    } catch let error as WebSocketHandshakeError {
        return .failure(error)
    } catch {
        fatalError("\(error)")
    }
}

/// An address: what is shown is read the same.
private func fuzzAddress(_ bytes: [UInt8]) {
    guard let url = try? WebSocketURL(text(bytes)) else { return }
    check(url.target.hasPrefix("/") && url.port > 0 && !url.host.isEmpty, "\(url)")
    check((try? WebSocketURL(url.description)) == url, "another address comes back: \(url)")
    guard let handshake = try? WebSocketClientHandshake(url, key: [UInt8](repeating: 0, count: 16)) else {
        fatalError("no handshake for \(url)")
    }
    check(handshake.request.count(where: { $0 == 0x0A }) == 7, "another number of lines")
}

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
