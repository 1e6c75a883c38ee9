import ApusProtocols
import CApus

/// `doctor`: looks for what keeps a service from starting, or from running well, and says it in a line each.
public enum Doctor {
    /// A server with fewer descriptors per process is short of them soon.
    static let enoughDescriptors: UInt64 = 10_000

    enum Verdict: String {
        case ok = "ok  "
        case warning = "warn"
        case failure = "FAIL"
    }

    struct Finding {
        let verdict: Verdict
        let subject: String
        let detail: String
    }

    /// Prints what is found about this machine; returns the exit status: 0, or 1 when something would keep a service
    /// from running.
    public static func runForMachine() -> Int32 { report(machine) }

    /// As `runForMachine`, and about a program's workers.
    static func run(workers: [WorkerBase]) -> Int32 {
        report(machine + files + workers.flatMap(findings) + running)
    }

    private static func report(_ findings: [Finding]) -> Int32 {
        for finding in findings {
            Terminal.write("\(finding.verdict.rawValue)  \(TextColumns.pad(finding.subject, 30))  \(finding.detail)")
        }
        let failures = findings.count { $0.verdict == .failure }
        let warnings = findings.count { $0.verdict == .warning }
        Terminal.write("\(failures) failures, \(warnings) warnings, \(findings.count) checks")
        return failures == 0 ? 0 : 1
    }

    // MARK: The machine

    private static var machine: [Finding] {
        [system, threads, descriptors] + backends + [tls, freeFiles] + kernelSettings
    }

    private static var system: Finding {
        Finding(
            verdict: .ok, subject: "system", detail: Banner.versionLine.split(atASCII: " ").joined(separator: " "))
    }

    private static var threads: Finding {
        let count = capus_thread_count()
        return count == 1
            ? Finding(verdict: .ok, subject: "threads before runAll", detail: "none but the first")
            : Finding(
                verdict: .warning, subject: "threads before runAll",
                detail: "\(count - 1) were started: start them in onWorkerStart, workers are processes of their own")
    }

    private static var descriptors: Finding {
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        capus_descriptor_limits(&soft, &hard)
        let isEnough = hard >= enoughDescriptors
        return Finding(
            verdict: isEnough ? .ok : .warning, subject: "open files per process",
            detail: "\(soft), raised to \(hard) at the start"
                + (isEnough
                    ? ""
                    : ": that many connections at most. Raise it: ulimit -Hn, limits.conf, or LimitNOFILE= of systemd"))
    }

    private static var backends: [Finding] {
        Backend.allCases.map { backend in
            let name = String(cString: capus_loop_description(backend.poller))
            guard let loop = capus_loop_create(backend.poller) else {
                return Finding(
                    verdict: .failure, subject: "event loop \(backend.rawValue)",
                    detail: "\(SystemError.last("create"))")
            }
            capus_loop_destroy(loop)
            return Finding(verdict: .ok, subject: "event loop \(backend.rawValue)", detail: name)
        }
    }

    private static var tls: Finding {
        Finding(
            verdict: .ok, subject: "TLS",
            detail: String(cString: capus_tls_version())
                + (capus_tls_kernel_is_able() ? ", records by the kernel if wanted" : ""))
    }

    private static var freeFiles: Finding {
        number("fs.file-max", "open files of the whole system", atLeast: 1_000_000)
    }

    private static var kernelSettings: [Finding] {
        [
            number("net.core.somaxconn", "clients that may wait to be accepted", atLeast: 4096),
            number("net.ipv4.tcp_max_syn_backlog", "handshakes under way", atLeast: 1024),
            number("net.core.netdev_max_backlog", "packets that wait for the processor", atLeast: 1000),
            number("net.ipv4.tcp_max_tw_buckets", "closed connections that are remembered", atLeast: 5000),
            portRange,
            number(
                "net.netfilter.nf_conntrack_max", "connections that the firewall follows", atLeast: 262_144,
                isOptional: true),
            recycling,
        ]
    }

    private static func value(_ key: String) -> String? {
        let path = "/proc/sys/" + key.split(atASCII: ".").joined(separator: "/")
        return withUnsafeTemporaryAllocation(byteCount: 128, alignment: 1) { buffer in
            let count = capus_read_file(path, buffer.baseAddress!, buffer.count)
            guard count > 0 else { return nil }
            return String(decoding: buffer[..<count], as: UTF8.self).split(atASCII: "\n").first.map(String.init)
        }
    }

    private static func number(
        _ key: String, _ meaning: String, atLeast least: UInt64, isOptional: Bool = false
    ) -> Finding {
        guard let text = value(key), let number = UInt64(text) else {
            return Finding(verdict: .ok, subject: key, detail: isOptional ? "not in use" : "not visible here")
        }
        guard number < least else { return Finding(verdict: .ok, subject: key, detail: "\(number) (\(meaning))") }
        return Finding(
            verdict: .warning, subject: key,
            detail: "\(number) is little (\(meaning)): sysctl -w \(key)=\(least) or more")
    }

    private static var portRange: Finding {
        let key = "net.ipv4.ip_local_port_range"
        let bounds = (value(key) ?? "").split { $0 == " " || $0 == "\t" }.compactMap { Int($0) }
        guard bounds.count == 2 else { return Finding(verdict: .ok, subject: key, detail: "not visible here") }
        let count = bounds[1] - bounds[0]
        return count >= 20_000
            ? Finding(verdict: .ok, subject: key, detail: "\(bounds[0])–\(bounds[1]) (ports of outgoing connections)")
            : Finding(
                verdict: .warning, subject: key,
                detail: "\(count) ports for outgoing connections: sysctl -w \(key)=\"10240 65000\"")
    }

    private static var recycling: Finding {
        let key = "net.ipv4.tcp_tw_recycle"
        return value(key) == "1"
            ? Finding(verdict: .warning, subject: key, detail: "1 refuses clients behind one NAT: sysctl -w \(key)=0")
            : Finding(verdict: .ok, subject: key, detail: "off")
    }

    // MARK: The program's files

    private static var files: [Finding] {
        [
            folder(of: Service.settings.pidPath, "pid file", "--pid-file"),
            folder(of: Service.settings.logPath, "log file", "--log-file"),
        ]
    }

    private static func folder(of path: String, _ subject: String, _ option: String) -> Finding {
        let folder = path.lastIndex(ofASCII: "/").map { String(path[..<$0]) } ?? "."
        let isFit = path == "/dev/null" || capus_is_writable_folder(folder.isEmpty ? "/" : folder)
        return isFit
            ? Finding(verdict: .ok, subject: subject, detail: path)
            : Finding(
                verdict: .failure, subject: subject,
                detail: "\(path): \(Privileges.currentUserName) cannot write there; choose another with \(option)")
    }

    private static var running: [Finding] {
        OperatorCommand.runningMaster().map {
            [Finding(verdict: .ok, subject: "this service", detail: "runs already, master \($0)")]
        } ?? []
    }

    // MARK: Workers

    private static func findings(_ worker: WorkerBase) -> [Finding] {
        [address(worker), privileges(worker)].compactMap { $0 }
    }

    private static func address(_ worker: WorkerBase) -> Finding? {
        let subject = "worker \(worker.name)"
        if case .failure(let error)? = worker.requestedAddress {
            return Finding(verdict: .failure, subject: subject, detail: "\(error)")
        }
        guard case .ip? = worker.address else { return nil }
        if OperatorCommand.runningMaster() != nil {
            return Finding(verdict: .ok, subject: subject, detail: worker.socketName)
        }
        do {
            capus_close(try worker.openSocket())
            return Finding(verdict: .ok, subject: subject, detail: "\(worker.socketName) can be listened on")
        } catch {
            return Finding(verdict: .failure, subject: subject, detail: error.explanation)
        }
    }

    private static func privileges(_ worker: WorkerBase) -> Finding? {
        let subject = "worker \(worker.name) runs as"
        do {
            guard let wanted = try Privileges.wanted(by: worker) else { return nil }
            let isPossible = Privileges.mayChange || wanted.user == UInt32(capus_user_id())
            return Finding(
                verdict: isPossible ? .ok : .warning, subject: subject,
                detail: isPossible ? wanted.userName : "\(wanted.userName): only root can change the user")
        } catch {
            return Finding(verdict: .failure, subject: subject, detail: "\(error)")
        }
    }
}
