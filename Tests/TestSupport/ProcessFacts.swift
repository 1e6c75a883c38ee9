import Glibc

/// A process as `/proc` shows it. Its start time tells it from a later one with the same id.
public struct ProcessFacts: Hashable, Sendable {
    /// The process id.
    public let pid: Int32
    private let startTime: String

    /// Nil when there is no such process, or only its exit status is left of it.
    public init?(_ pid: Int32) {
        guard let fields = Self.fields(pid), fields[0] != "Z", fields[0] != "X" else { return nil }
        self.pid = pid
        startTime = fields[19]
    }

    /// The fields of `/proc/PID/stat` behind the name.
    private static func fields(_ pid: Int32) -> [String]? {
        guard let text = readText("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ").map(String.init)
        return fields.count > 20 ? fields : nil
    }

    /// It still runs.
    public var isRunning: Bool { ProcessFacts(pid) == self }

    /// Ends it if it still runs. Only for processes that the test started.
    public func kill(_ signal: Int32 = SIGKILL) {
        if isRunning { Glibc.kill(pid, signal) }
    }

    /// Seconds of processor time it has used.
    public var cpuSeconds: Double {
        guard let fields = Self.fields(pid), let user = Double(fields[11]), let system = Double(fields[12]) else {
            return 0
        }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Bytes of memory it has resident.
    public var residentBytes: Int {
        let pages = readText("/proc/\(pid)/statm")?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// How many threads it has.
    public var threadCount: Int { TemporaryFolder.names(in: "/proc/\(pid)/task").count }

    /// How many descriptors it has open.
    public var descriptorCount: Int { TemporaryFolder.names(in: "/proc/\(pid)/fd").count }

    /// How many of these are sockets: what connections leave behind, and neither the runtime nor a sanitizer opens.
    public var socketCount: Int {
        TemporaryFolder.names(in: "/proc/\(pid)/fd").count { descriptor in
            var target = [CChar](repeating: 0, count: 7)
            return readlink("/proc/\(pid)/fd/\(descriptor)", &target, 7) == 7
                && target.elementsEqual("socket:".utf8.map { CChar($0) })
        }
    }

    /// What `ps` shows.
    public var commandLine: String {
        String((readText("/proc/\(pid)/cmdline") ?? "").map { $0 == "\0" ? " " : $0 })
    }

    /// The processes it started that run.
    public var children: [ProcessFacts] {
        TemporaryFolder.names(in: "/proc/\(pid)/task").flatMap { thread in
            (readText("/proc/\(pid)/task/\(thread)/children") ?? "").split(separator: " ")
                .compactMap { Int32($0) }.compactMap { ProcessFacts($0) }
        }
    }
}

extension ProcessFacts {
    /// A line of `/proc/PID/status`: its words behind `name:`.
    public func status(_ name: String) -> [String] {
        let lines = (readText("/proc/\(pid)/status") ?? "").split(separator: "\n")
        let line = lines.first { $0.hasPrefix("\(name):") }
        return line.map { $0.dropFirst(name.count + 1).split { " \t".contains($0) }.map(String.init) } ?? []
    }

    /// The user that it runs as.
    public var userID: Int? { status("Uid").first.flatMap { Int($0) } }
    /// The group that it runs as.
    public var groupID: Int? { status("Gid").first.flatMap { Int($0) } }
    /// The most bytes of memory that it has had resident.
    public var peakBytes: Int { (status("VmHWM").first.flatMap { Int($0) } ?? 0) * 1024 }
    /// How often it has waited.
    public var waits: Int { status("voluntary_ctxt_switches").first.flatMap { Int($0) } ?? 0 }

    /// What its descriptors stand for: paths, `socket:[1]`, …
    public var descriptorTargets: [String] {
        TemporaryFolder.names(in: "/proc/\(pid)/fd").map { name in
            var target = [UInt8](repeating: 0, count: 512)
            let count = target.withUnsafeMutableBytes {
                readlink("/proc/\(pid)/fd/\(name)", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
            }
            return String(decoding: target[..<max(0, count)], as: UTF8.self)
        }
    }
}
