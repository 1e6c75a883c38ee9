import Apus
import ApusCluster
import Foundation
import TestSupport
import TrialSupport

/// The file with the items of queues: cut short, made anew, and one server's.
func journal(_ words: [String]) async throws {
    let server = try ClusterServer(hasJournal: true)
    let sender = try await client(server.channel)
    for number in 0..<3 { try await sender.enqueueAndWait("q\n\"", "r", data: number) }
    let other = try server.startAnother()
    expect(other.contains("lock \(server.journal)"), other)
    expect(try server.startAnother(journal: "/nowhere/journal").contains("open /nowhere/journal: No such file"))
    // A message that was not written whole.
    try server.kill()
    let whole = try Data(contentsOf: URL(filePath: server.journal))
    let tails: [[UInt8]] = [
        [0], [0, 0, 0], [0, 0, 0, 9], [0, 0, 1, 0, 0x7B], [0, 0, 0, 6, 0x78, 0x78], [0, 0, 0, 0, 0, 0, 0, 0], [255],
    ]
    for tail in tails + [Array(whole.suffix(30).dropLast())] {
        try (whole + tail).write(to: URL(filePath: server.journal))
        try server.restart()
        try await expectEventually { sender.isConnected }
        try server.kill()
        try await expectEventually { !sender.isConnected }
        expect(try Data(contentsOf: URL(filePath: server.journal)), is: whole)
    }
    try server.restart()
    var taken: [Int] = []
    sender.watch("q\n\"") { taken.append(try $0.decode()) }
    try await expectEventually { taken == [0, 1, 2] }
    // Much of no use: it is made anew, with those that wait and that somebody has.
    var isHeld = true
    var kept: [Int] = []
    sender.watch("r", acknowledges: true) { item in
        kept.append(try item.decode())
        while isHeld { try await WorkerTimer.sleep(0.001) }
    }
    try await expectEventually { kept == [0] }
    var count = 0
    sender.watch("large") { _ in count += 1 }
    let large = String(repeating: "x", count: 100_000)
    for _ in 0..<40 { try await sender.enqueueAndWait("large", data: large) }
    try await expectEventually { count == 40 }
    // What was written since it was made anew last may have stayed.
    try await expectEventually { try Data(contentsOf: URL(filePath: server.journal)).count < 1_200_000 }
    sender.close()
    try server.kill()
    try server.restart()
    let last = try await client(server.channel)
    var left: [Int] = []
    last.watch("r") { left.append(try $0.decode()) }
    try await expectEventually { left == [0, 1, 2] }
    isHeld = false
    last.close()
}

/// A journal that is damaged in its midst and cannot be made anew: the server does not start, and nothing that may
/// still be read in it is lost.
func damagedJournal(_ words: [String]) async throws {
    let server = try ClusterServer(hasJournal: true)
    let sender = try await client(server.channel)
    for number in 0..<3 { try await sender.enqueueAndWait("q", data: number) }
    try server.kill()
    try await expectEventually { !sender.isConnected }
    var bytes = try Data(contentsOf: URL(filePath: server.journal))
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: URL(filePath: server.journal))
    // It stands in the way as a full disk does.
    let obstacle = server.journal + ".new"
    try FileManager.default.createDirectory(atPath: obstacle, withIntermediateDirectories: false)
    for _ in 0..<2 {
        let said = try server.startAnother()
        expect(said.contains("open \(obstacle): Is a directory"), said)
        expect(said.contains("it is kept as \(server.journal).damaged"), said)
        for name in ["", ".damaged"] { expect(try Data(contentsOf: URL(filePath: server.journal + name)), is: bytes) }
    }
    try FileManager.default.removeItem(atPath: obstacle)
    try server.restart()
    try await expectEventually { sender.isConnected }
    var taken: [Int] = []
    sender.watch("q") { taken.append(try $0.decode()) }
    try await expectEventually { taken == [0] }
    expect(try Data(contentsOf: URL(filePath: server.journal + ".damaged")), is: bytes)
    sender.close()
}

/// A journal on a disk that fills up: nothing is confirmed that is not kept, what is there can be had, also after a
/// start on the full disk, and with room everything goes on.
func fullDisk(_ words: [String]) async throws {
    guard let disk = try SmallDisk(bytes: 256 * 1024) else { return print("no disk can be mounted here") }
    let server = try ClusterServer(hasJournal: true, journal: disk.file("journal"))
    let sender = try await client(server.channel)
    var kept: [Int] = []
    var refused = 0
    var next = 0
    func enqueue(_ count: Int) async {
        for _ in 0..<count {
            next += 1
            do {
                // Records of all sizes, so that the disk is full in the midst of one.
                let text = String(repeating: "x", count: next * 37 % 1500)
                try await sender.enqueueAndWait("jobs", data: [String(next), text])
                kept.append(next)
            } catch {
                refused += 1
                expect("\(error)".contains("No space left on device"), "\(error)")
            }
        }
    }
    await enqueue(20)
    try disk.fill()
    await enqueue(100)
    expect(refused > 50, "\(refused) of 100")
    var seen: [Int] = []
    func take(_ client: ChannelClient) {
        client.watch("jobs", acknowledges: true) { item in
            let words: [String] = try item.decode()
            seen.append(Int(words[0])!)
        }
    }
    try server.kill()
    try await expectEventually { !sender.isConnected }
    try server.restart()
    expect(server.log.contains("; it stays as it was"), server.log)
    try await expectEventually { sender.isConnected }
    await enqueue(5)
    let before = kept
    take(sender)
    try await expectEventually { Set(seen).isSuperset(of: before) }
    expect(Set(seen), is: Set(before))
    // What was done with is written down as soon as there is room, and does not come again.
    let size = try Data(contentsOf: URL(filePath: server.journal)).count
    disk.makeRoom()
    try await expectEventually { try Data(contentsOf: URL(filePath: server.journal)).count > size }
    try server.kill()
    try await expectEventually { !sender.isConnected }
    try server.restart()
    try await expectEventually { sender.isConnected }
    seen = []
    await enqueue(20)
    expect(kept.count, is: before.count + 20)
    try await expectEventually { seen.count >= 20 }
    expect(seen, is: Array(kept.suffix(20)))
    let lines = server.log.split(separator: "\n").filter { $0.contains("No space left on device") }
    expect(lines.count < 10, "\(lines.count) lines, such as \(lines.first ?? "")")
    sender.close()
}
