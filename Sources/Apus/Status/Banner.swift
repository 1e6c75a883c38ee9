import CApus

/// What `start` prints.
enum Banner {
    /// How the banner ends: with how the service is stopped.
    enum Ending {
        case foreground
        case daemon
        /// The program gave the command itself.
        case library
    }

    static func text(for workers: [WorkerBase], _ ending: Ending, isSingleProcess: Bool = false) -> String {
        let columns = ["event-loop", "proto", "user", "worker", "listen", "count", "state"]
        let rows = workers.map { worker in
            [
                worker.backend.rawValue,
                worker.address == nil ? "none" : worker.protocolName,
                worker.user.isEmpty || !Privileges.mayChange ? Privileges.currentUserName : worker.user, worker.name,
                worker.socketName, isSingleProcess ? "1" : "\(worker.count)", " [OK] ",
            ]
        }
        let widths = columns.indices.map { column in
            max(8, ([columns] + rows).map { $0[column].count }.max()!) + 4
        }
        let version = versionLine
        let width = max(widths.reduce(0, +), version.count)
        var lines = [TextColumns.rule("APUS", width: width), version, TextColumns.rule("WORKERS", width: width)]
        lines.append(heading(line(columns, widths)))
        lines += rows.map { line($0, widths).replacing(" [OK] ", with: approved(" [OK] ")) }
        lines.append(String(repeating: "-", count: width))
        lines.append(last(ending))
        return lines.joined(separator: "\n")
    }

    private static func line(_ cells: [String], _ widths: [Int]) -> String {
        zip(cells, widths).map { TextColumns.pad($0, $1) }.joined()
    }

    private static func last(_ ending: Ending) -> String {
        switch ending {
        case .foreground: "Press Ctrl+C to stop. Start success."
        case .daemon: "Input \"\(ServiceSettings.executableName) stop\" to stop. Start success."
        case .library: "Start success."
        }
    }

    private static func heading(_ text: String) -> String {
        Terminal.hasColors ? "\u{1B}[47;30m\(text)\u{1B}[0m" : text
    }

    private static func approved(_ text: String) -> String {
        Terminal.hasColors ? "\u{1B}[32;40m\(text)\u{1B}[0m" : text
    }

    static var versionLine: String {
        let system = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 160) { buffer in
            capus_system_name(buffer.baseAddress!, 160)
            return String(cString: buffer.baseAddress!)
        }
        let loop = String(cString: capus_loop_description(Service.settings.backend.poller))
        return TextColumns.pad("Apus/\(Service.version)", 24) + TextColumns.pad("Swift/\(swiftVersion) (\(loop)) ", 30)
            + system
    }

    private static var swiftVersion: String {
        #if compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }
}
