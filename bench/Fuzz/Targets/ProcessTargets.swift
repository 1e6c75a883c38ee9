/// Command lines, one argument on each line: what was understood is understood again, and the rest is left alone.
func fuzzCommandLines(_ input: UnsafeRawBufferPointer) {
    let arguments = text(input).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let invocation = try? Invocation(["program"] + arguments) else { return }
    if let name = invocation.instance {
        check((1...64).contains(name.utf8.count) && !name.hasPrefix(".") && !name.hasPrefix("-"), name)
        check(name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }, name)
    }
    var again = ["program", "--other", invocation.command.rawValue, "further", "-x"]
    for (option, isSet) in [
        ("-d", invocation.isDaemon), ("-g", invocation.isGraceful), ("-q", invocation.isQuiet),
        ("--json", invocation.isJSON), ("--single-process", invocation.isSingleProcess),
    ] where isSet {
        again.append(option)
    }
    if let backend = invocation.backend { again += ["--backend", backend.rawValue] }
    if let file = invocation.pidFile { again += ["--pid-file", file] }
    if let file = invocation.logFile { again += ["--log-file", file] }
    if let instance = invocation.instance { again.append("--instance=" + instance) }
    guard let second = try? Invocation(again) else { fatalError("\(again) is not understood") }
    check("\(second)" == "\(invocation)", "\(invocation), then \(second)")
}

/// What commands and processes say to a master, and it to them: what was read is read again from what is written of it.
func fuzzControl(_ input: UnsafeRawBufferPointer) {
    if let request = ControlRequest(text(input)) {
        check(ControlRequest(request.text) == request, "\(request) is another one")
        check(request.text.utf8.count < 256, "\(request.text) does not fit")
        if case .liveStatus(let width) = request { check(width >= 0, "\(width) columns") }
    }
    if let (message, words) = ChannelMessage.read(input) {
        let bytes = message.bytes(words)
        check(bytes.count <= ChannelMessage.capacity, "\(bytes.count) bytes")
        guard let again = bytes.withUnsafeBytes({ ChannelMessage.read($0) }) else { fatalError("\(message) is none") }
        check(again.message == message && again.text == words, "\(message) is \(again.message)")
    }
    let records = RecordText(text(input))
    check(RecordText(records.text).records == records.records, "other records")
    for name in records.records.compactMap(\.first).prefix(4) {
        check(records[name] != nil && records.all(name).first == records[name], "«\(name)» is not found")
        let _: Int? = records.number(name)
    }
    if let news = PeerNews(text(input)) {
        guard let again = PeerNews(news.text) else { fatalError("\(news) is none") }
        check(again.member == news.member && again.id == news.id, "\(again), not \(news)")
        check(again.name == news.name && again.workerKey == news.workerKey, "\(again), not \(news)")
    }
}

/// The bus between processes. Packets that anybody may have made take no more room than they have; messages that were
/// cut into packets come out of them whole.
func fuzzBus(_ input: UnsafeRawBufferPointer) {
    guard input.count > 2 else { return }
    let rest = UnsafeRawBufferPointer(rebasing: input[2...])
    checkAnyPackets(rest)
    let name = String(decoding: rest.prefix(Int(input[0] & 31)), as: UTF8.self)
    let sender = BusSender(worker: name, id: Int(input[1]))
    guard let kind = BusPacket.Kind(rawValue: input[0] >> 5 & 3) else { return }
    // One in a while that takes several packets.
    let message = [[UInt8]](repeating: Array(rest), count: input[1] == 7 ? 90 : 1).flatMap { $0 }
    let packets = message.withUnsafeBytes { bytes in
        (0..<2).map { BusPacket.packets(kind, from: sender, member: $0 * 7, name, bytes) }
    }
    var assembly = BusAssembly()
    var count = 0
    for index in packets[0].indices {
        for sender in packets {
            check(sender[index].count <= BusPacket.capacity, "\(sender[index].count) bytes")
            guard let arrival = sender[index].withUnsafeBytes({ assembly.take($0) }) else { continue }
            check(index == packets[0].count - 1 && arrival.bytes == message, "another message")
            check(arrival.head.kind == kind && arrival.head.topic == name, "another head")
            check(arrival.head.sender.id == Int(input[1]) && arrival.head.size == message.count, "another sender")
            count += 1
        }
    }
    check(count == 2 && assembly.heldBytes == 0, "\(count) messages of 2")
}

/// A byte says how long each packet is.
private func checkAnyPackets(_ bytes: UnsafeRawBufferPointer) {
    var assembly = BusAssembly()
    var (rest, fed) = (bytes[...], 0)
    while let length = rest.popFirst() {
        let packet = Array(rest.prefix(Int(length)))
        rest = rest.dropFirst(packet.count)
        fed += packet.count
        if let arrival = packet.withUnsafeBytes({ assembly.take($0) }) {
            check(arrival.bytes.count == arrival.head.size, "\(arrival.bytes.count) bytes, not \(arrival.head.size)")
        }
        check(assembly.heldBytes <= fed, "\(assembly.heldBytes) bytes are held of \(fed)")
    }
}
