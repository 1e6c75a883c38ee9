/// What a conversation with a proxy has come to.
private struct Tunnel: Equatable {
    var sent: [[UInt8]] = []
    var consumed = 0
    var isDone = false
    var failure: String?
}

private func open(
    _ opening: some ProxyHandshake, _ replies: UnsafeRawBufferPointer, step: Int
) -> Tunnel {
    var handshake = opening
    var tunnel = Tunnel(sent: [handshake.open()])
    var end = 0
    while end < replies.count, !tunnel.isDone {
        end += min(step, replies.count - end)
        var goesOn = true
        while goesOn, !tunnel.isDone {
            let held = Array(replies[tunnel.consumed..<end])
            do {
                let (consumed, next) = try held.withUnsafeBytes { try handshake.receive($0) }
                check(consumed >= 0 && consumed <= held.count, "\(consumed) of \(held.count) bytes")
                tunnel.consumed += consumed
                goesOn = false
                switch next {
                case .needMore: break
                case .send(let bytes):
                    check(tunnel.sent.count < 4, "no end")
                    tunnel.sent.append(bytes)
                    goesOn = true
                case .done: tunnel.isDone = true
                }
            } catch {
                tunnel.failure = "\(error)"
                return tunnel
            }
        }
    }
    return tunnel
}

private func checkTunnel(_ handshake: some ProxyHandshake, _ replies: UnsafeRawBufferPointer, _ step: Int) {
    let (whole, pieces) = (open(handshake, replies, step: .max), open(handshake, replies, step: step))
    // What a failure has consumed does not matter.
    let isSame = whole.failure == nil ? whole == pieces : whole.failure == pieces.failure && whole.sent == pieces.sent
    check(isSame, "\(whole) whole, \(pieces) in pieces of \(step)")
    guard whole.isDone else { return }
    // What the server says behind it is not the proxy's.
    let more = Array(replies[..<whole.consumed]) + "SSH-2.0".utf8
    check(more.withUnsafeBytes { open(handshake, $0, step: .max) }.consumed == whole.consumed, "too much was taken")
}

/// Tunnels through proxies: the same whole and in pieces, and nothing is taken that comes from behind the proxy.
func fuzzTunnels(_ input: UnsafeRawBufferPointer) {
    guard input.count > 2 else { return }
    let replies = UnsafeRawBufferPointer(rebasing: input[2...])
    let step = 1 + Int(input[1] & 63)
    if input[0] & 1 == 0 {
        guard let handshake = try? HTTPConnectHandshake(host: "h", port: 1, authorization: "Basic eDp5") else { return }
        checkTunnel(handshake, replies, step)
    } else {
        let name: String? = input[0] & 2 == 0 ? nil : "u"
        guard let handshake = try? SOCKS5Handshake(host: "h", port: 1, username: name, password: name) else { return }
        checkTunnel(handshake, replies, step)
    }
}

/// Addresses: what is shown of one is read as the same.
func fuzzAddresses(_ input: UnsafeRawBufferPointer) {
    let given = text(input)
    if let address = try? SocketAddress(given) {
        check((try? SocketAddress(address.description)) == address, "«\(address)» of «\(given)» is another one")
        if case .ip(let host, let port) = address {
            check((0...65535).contains(port) && !host.utf8.contains(0), "«\(host)» \(port)")
            check(address.native != nil, "«\(address)» is none")
        }
    }
    for isSecured in [false, true] {
        guard let address = try? RemoteAddress(given, isSecured: isSecured) else { continue }
        // With a port behind it that one is the path of a socket.
        if address.hostName != "unix" {
            let again = try? RemoteAddress(address.description, isSecured: false)
            check(again?.place == address.place, "«\(address)» of «\(given)» is another one")
        }
        check(!address.hostName.utf8.contains { $0 <= 0x20 || $0 == 0x7F }, "«\(address.hostName)»")
    }
    if let range = try? AddressRange(given) {
        check((try? AddressRange(range.description)) == range, "«\(range)» of «\(given)» is another one")
    }
    if let address = HostAddress(given) {
        check(!given.utf8.contains(0) && HostAddress(address.native.ipText) == address, "«\(given)»")
    }
    if let target = try? ProxyTarget(host: given, port: 80) {
        check(target.authority.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "authority «\(target.authority)»")
    }
}
