import CApus

/// What `start` prints.
enum Banner {
    static func text(for workers: [WorkerBase], isDaemon: Bool, isSingleProcess: Bool) -> String {
        let columns = ["event-loop", "proto", "user", "worker", "listen", "count", "state"]
        let user = userName
        let rows = workers.map { worker in
            [
                Service.settings.backend.rawValue, worker.address == nil ? "none" : worker.protocolName, user,
                worker.name,
                worker.socketName, isSingleProcess ? "1" : "\(worker.count)", " [OK] ",
            ]
        }
        let widths = columns.indices.map { column in
            max(8, ([columns] + rows).map { $0[column].count }.max()!) + 4
        }
        let version = versionLine
        let width = max(widths.reduce(0, +), version.count)
        var lines = [title("APUS", width), version, title("WORKERS", width)]
        for row in [columns] + rows { lines.append(zip(row, widths).map { pad($0, $1) }.joined()) }
        lines.append(String(repeating: "-", count: width))
        let program = ServiceSettings.executableName
        lines.append(
            isDaemon ? "Input \"\(program) stop\" to stop. Start success." : "Press Ctrl+C to stop. Start success.")
        return lines.joined(separator: "\n")
    }

    static var versionLine: String {
        let system = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 160) { buffer in
            capus_system_name(buffer.baseAddress!, 160)
            return String(cString: buffer.baseAddress!)
        }
        let loop = String(cString: capus_loop_description(Service.settings.backend.poller))
        return pad("Apus/\(Service.version)", 24) + pad("Swift/\(swiftVersion) (\(loop))", 34) + system
    }

    private static var swiftVersion: String {
        #if compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }

    private static var userName: String {
        capus_environment("USER").map { String(cString: $0) } ?? (capus_user_id() == 0 ? "root" : "\(capus_user_id())")
    }

    private static func title(_ text: String, _ width: Int) -> String {
        let rest = width - text.count - 2
        return String(repeating: "-", count: rest / 2) + " \(text) " + String(repeating: "-", count: rest - rest / 2)
    }

    static func pad(_ text: String, _ width: Int) -> String {
        text.count >= width ? text : text + String(repeating: " ", count: width - text.count)
    }
}
