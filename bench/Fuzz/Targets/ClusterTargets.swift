/// Messages of the cluster's servers: what was read is read again from what is written of it.
func fuzzClusterMessages(_ input: UnsafeRawBufferPointer) {
    let bytes = Array(input)
    guard let message = try? ClusterMessage(bytes) else {
        check((try? ChannelRequest(bytes)) == nil && (try? ChannelAnswer(bytes)) == nil, "read of what is no message")
        return
    }
    check((try? JSONScanner.check(input)) != nil, "a message that is no JSON")
    for name in ["type", "channels", "data", "id", "ack", "channel", "count", "reason", "nonce", "proof", "ttl"] {
        let json = message.json(name)
        check(json != nil || (message.string(name) == nil && message.strings(name) == nil), "\(name) is nothing")
        check(json != nil || (message.number(name) == nil && message.fraction(name) == nil), "\(name) is nothing")
        check(json.map { value in value.withUnsafeBytes { (try? JSONScanner.check($0)) != nil } } ?? true, name)
    }
    if let request = try? ChannelRequest(bytes) { checkAgain(request) }
    if let answer = try? ChannelAnswer(bytes) { checkAgain(answer) }
}

private func checkAgain(_ request: ChannelRequest) {
    guard let again = try? ChannelRequest(request.message) else { fatalError("\(request) cannot be read") }
    check(again.kind == request.kind && again.names == request.names, "\(request), then \(again)")
    check(again.data == request.data && again.id == request.id, "\(request), then \(again)")
    check(again.acknowledges == request.acknowledges, "\(request), then \(again)")
}

private func checkAgain(_ answer: ChannelAnswer) {
    let writer = answer.writer
    guard let again = try? ChannelAnswer(writer.message) else { fatalError("\(answer) cannot be read") }
    switch (answer, again) {
    case (.event(let name, let data), .event(let name2, let data2)): check(name == name2 && data == data2, name)
    case (.item(let queue, let data, let id), .item(let queue2, let data2, let id2)):
        check(queue == queue2 && data == data2 && id == id2, queue)
    case (.done(let id, let count), .done(let id2, let count2)): check(id == id2 && count == count2, "\(id)")
    case (.refused(let id, let reason), .refused(let id2, let reason2)): check(id == id2 && reason == reason2, reason)
    default: fatalError("\(answer), then \(again)")
    }
    let frame = writer.frame
    let isWhole = frame.withUnsafeBytes { bytes in
        if case .length(let length) = Frame().frame(bytes) { length == frame.count } else { false }
    }
    check(isWhole && Array(frame[4...]) == writer.message, "another frame")
}

/// Values of a cluster: each line is a request. What is answered is what is kept, and it never takes more room than it
/// may. The first byte says how much that is.
func fuzzGlobalData(_ input: UnsafeRawBufferPointer) {
    guard let first = input.first else { return }
    let most = [1 << 20, 0, 20, 60][Int(first & 3)]
    var values = GlobalDataValues(maxBytes: most)
    var now: Int64 = 1
    func get(_ key: String) -> [UInt8] {
        var request = ClusterMessageWriter()
        request.add("cmd", "get")
        request.add("key", key)
        guard let message = try? ClusterMessage(request.message), let value = try? values.answer(to: message, now)
        else {
            fatalError("\(key) cannot be asked for")
        }
        return value
    }
    var keys: Set<String> = []
    for line in input.dropFirst().split(separator: 0x0A) {
        guard let request = try? ClusterMessage(Array(line)) else { continue }
        now += 1_000_000_000
        if line.count % 3 == 0 { values.removeExpired(now) }
        guard let key = request.string("key") else {
            check((try? values.answer(to: request, now)) == nil, "an answer without a key")
            continue
        }
        keys.insert(key)
        let before = get(key)
        let answer = try? values.answer(to: request, now)
        let after = get(key)
        checkAnswer(request, answer, before, after)
        check(values.heldBytes >= 0 && values.heldBytes <= most, "\(values.heldBytes) bytes are held")
    }
    values.removeExpired(.max)
    for key in keys {
        var request = ClusterMessageWriter()
        request.add("cmd", "delete")
        request.add("key", key)
        guard let message = try? ClusterMessage(request.message) else { fatalError("«\(key)» cannot be deleted") }
        _ = try? values.answer(to: message, now)
    }
    check(values.heldBytes == 0, "\(values.heldBytes) bytes of nothing")
}

private func checkAnswer(_ request: ClusterMessage, _ answer: [UInt8]?, _ before: [UInt8], _ after: [UInt8]) {
    guard let answer else { return check(before == after, "a request that is none has changed something") }
    check(answer.withUnsafeBytes { (try? JSONScanner.check($0)) != nil }, "«\(answer)» is no JSON")
    let (null, yes, no) = (GlobalDataValues.null, Array("true".utf8), Array("false".utf8))
    // What expires at once is nothing.
    let lasts = request.fraction("ttl").map { $0 > 1e-9 } ?? true
    switch request.string("cmd") {
    case "get": check(answer == before && before == after, "another value")
    case "delete": check(answer == yes && after == null, "it is still there")
    case "set", "add", "cas":
        check(answer == yes || answer == no, "«\(answer)»")
        let kept = answer == no ? before : lasts ? request.json("value") : null
        check(after == kept, "\(text(after)) is there, not \(text(kept ?? []))")
        if request.string("cmd") == "add", before != null { check(answer == no, "it was there") }
    case "increment": check(after == (answer == no ? before : answer), "\(text(after)), not \(text(answer))")
    default: fatalError("an answer to no command")
    }
    if request.string("cmd") == "increment", answer != no {
        check(
            (try? GlobalDataNumber.integer(text(answer))) != nil || abs(Double(text(answer)) ?? 0) >= 9e18, "no number")
    }
}

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// A journal as it was written, and what it comes to behind each record.
private struct WrittenJournal {
    private(set) var bytes: [UInt8] = []
    private(set) var ends = [0]
    private(set) var contents: [[Int: ChannelItem]] = [[:]]
    private var lastID = 0

    /// Each line is an item; an empty one says that the oldest is done.
    init(_ lines: UnsafeRawBufferPointer) {
        for line in lines.split(separator: 0x0A, maxSplits: 20, omittingEmptySubsequences: false) {
            var content = contents[contents.count - 1]
            if line.isEmpty {
                let id = content.keys.min() ?? 1
                content[id] = nil
                bytes += JournalRecord.done(id).bytes
            } else {
                lastID += 1 + line.count % 3
                var json: [UInt8] = []
                JSONText.append(String(decoding: line, as: UTF8.self), to: &json)
                let item = ChannelItem(id: lastID, data: json)
                content[lastID] = item
                let queue = String(decoding: line.prefix(3), as: UTF8.self)
                let record = JournalRecord.item(queue: queue, item)
                check(record.bytes.count <= JournalRecord.size(queue, item), "a larger record")
                bytes += record.bytes
            }
            ends.append(bytes.count)
            contents.append(content)
        }
    }

    /// What was read of the first records, whose number it is.
    func checkRead(_ read: JournalRecord.Content, records: Int) {
        check(read.count == ends[records], "\(read.count) bytes were read, \(ends[records]) are whole")
        let expected = contents[records].values.sorted { $0.id < $1.id }
        check(read.items.map(\.item) == expected, "\(read.items), not \(expected)")
    }
}

/// Journals of queues: all of what was written is read, and of a damaged one what was written before the damage.
func fuzzJournals(_ input: UnsafeRawBufferPointer) {
    guard input.count > 4 else { return }
    let rest = UnsafeRawBufferPointer(rebasing: input[4...])
    checkAnyJournal(Array(rest))
    let journal = WrittenJournal(rest)
    journal.checkRead(JournalRecord.read(journal.bytes), records: journal.ends.count - 1)
    var damaged = journal.bytes
    let place = (Int(input[1]) << 8 | Int(input[2])) % damaged.count
    let value = input[3]
    switch input[0] % 5 {
    case 0: damaged.removeLast(damaged.count - place)
    case 1: damaged[place] ^= value
    case 2: damaged.insert(value, at: place)
    case 3: damaged.remove(at: place)
    default: for index in place..<min(place + 4, damaged.count) { damaged[index] = value }
    }
    guard let place = zip(damaged, journal.bytes).enumerated().first(where: { $1.0 != $1.1 })?.offset else {
        // Nothing, or an end that is missing, or one byte more.
        let count = min(damaged.count, journal.bytes.count)
        return journal.checkRead(JournalRecord.read(damaged), records: journal.ends.lastIndex { $0 <= count }!)
    }
    let records = journal.ends.lastIndex { $0 <= place }!
    let read = JournalRecord.read(damaged)
    journal.checkRead(read, records: records)
    let isFollowed = JournalRecord.isFollowed(damaged, from: read.count)
    // Four bytes may be of two records.
    let end = journal.ends[records + 1]
    let isLast = records + 2 == journal.ends.count || (input[0] % 5 == 4 && place + 4 > end)
    if !isLast { check(isFollowed, "whole records behind are not seen") }
    // Behind a byte that was put before it the last one is whole.
    if records + 2 == journal.ends.count, input[0] % 5 != 2 {
        check(!isFollowed, "a record is seen behind the last one")
    }
}

/// A file that nobody has written: what is read of it is read again when it was written anew.
private func checkAnyJournal(_ bytes: [UInt8]) {
    let read = JournalRecord.read(bytes)
    check(read.count <= bytes.count, "more than there is")
    _ = JournalRecord.isFollowed(bytes, from: read.count)
    let again = JournalRecord.read(read.items.flatMap { JournalRecord.item(queue: $0.queue, $0.item).bytes })
    check(again.items.map(\.item) == read.items.map(\.item), "other items")
    check(again.items.map(\.queue) == read.items.map(\.queue), "other queues")
    check(read.items.allSatisfy { $0.item.id > 0 && $0.item.id < .max / 2 }, "a number that cannot be counted on")
}
