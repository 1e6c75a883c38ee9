import Glibc
import TestSupport
import Testing

/// A service whose processes talk to each other, and a way to tell each what to do.
final class BusService {
    /// A process of it.
    final class Member {
        let id: Int
        let pid: Int32
        let worker: String
        /// How many others its first broadcast was taken for.
        let reached: Int
        private let client: Client

        init(_ line: String, _ folder: TemporaryFolder) throws {
            let words = line.split(separator: " ").map(String.init)
            id = try #require(Int(words[2]))
            pid = try #require(Int32(words[3]))
            worker = words[4]
            reached = try #require(Int(words[5]))
            client = try Client(.unix(path: folder.file("\(pid)")))
        }

        /// Has it obey a line, without waiting for the answer.
        func begin(_ line: String) throws { try client.send("\(line)\n") }
        func answer(within seconds: Double = 20) throws -> String { try client.readLine(within: seconds) }

        /// Has it obey a line.
        func ask(_ line: String) throws -> String {
            try begin(line)
            return try answer()
        }

        /// How many messages it has received, and how many of the numbered ones were out of order.
        func received() throws -> (count: Int, disorder: Int) {
            let words = try ask("received").split(separator: " ")
            return (Int(words[0])!, Int(words[1])!)
        }

        var facts: ProcessFacts { get throws { try #require(ProcessFacts(pid)) } }
    }

    let service: Service
    let folder: TemporaryFolder
    let master: ServerProcess
    private(set) var endpoints: [Endpoint] = []
    private(set) var members: [Member] = []

    init(_ backend: String, count: Int, _ options: [String] = []) throws {
        folder = try TemporaryFolder()
        service = try Service(
            "ConformanceServer", "bus", backend,
            ["--folder", folder.path, "--count", "\(count)", "--trouble", folder.file("trouble")] + options)
        master = try service.launch("start")
        let others = options.firstIndex(of: "--other").flatMap { Int(options[$0 + 1]) } ?? 0
        try join(count + others)
        endpoints = try master.endpoints()
        _ = master.children
    }

    /// Waits for new processes.
    @discardableResult
    func join(_ count: Int) throws -> [Member] {
        let new = try (0..<count).map { _ in
            try Member(try master.line("a start: \(service.log)", within: 60) { $0.hasPrefix("event start") }, folder)
        }
        members += new
        return new
    }

    /// Forgets processes that have ended.
    func forget(_ gone: [Member]) { members.removeAll { member in gone.contains { $0 === member } } }

    func reload(_ round: Int = 1) throws {
        master.signal(SIGUSR1)
        #expect(
            eventually(within: 60) { service.log.ranges(of: "] reloaded").count == round }, "\(service.log)")
        _ = master.children
    }

    /// All know each other.
    func meet() throws {
        for member in members {
            #expect(try eventually { try Int(member.ask("ping")) == members.count - 1 }, "\(member.pid)")
        }
    }
}
