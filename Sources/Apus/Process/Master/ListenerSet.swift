import ApusProtocols
import CApus

/// The listening sockets that a master holds: opened by it, inherited from the program that it replaced, or handed over
/// by a service manager (socket activation).
///
/// Each belongs to a key, which is a worker's, with the id of a process behind it where each has a socket of its own.
final class ListenerSet {
    struct Entry {
        let fd: Int32
        /// The file of a Unix socket.
        let path: String?
    }

    private(set) var entries: [String: Entry] = [:]
    /// Sockets of the service manager that no worker has taken.
    private var activated: [(name: String, fd: Int32, isDatagram: Bool)] = []

    // MARK: Handed over

    /// Takes the sockets that a service manager started this process with: `LISTEN_PID`, `LISTEN_FDS`,
    /// `LISTEN_FDNAMES`.
    func takeActivatedSockets() {
        defer { for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { capus_unset_environment(name) } }
        guard Self.environment("LISTEN_PID").flatMap({ Int32($0) }) == capus_process_id(),
            let count = Self.environment("LISTEN_FDS").flatMap({ Int32($0) }), count > 0
        else { return }
        let names = (Self.environment("LISTEN_FDNAMES") ?? "").split(atASCII: ":", omittingEmptySubsequences: false)
        for (index, fd) in (3..<(3 + count)).enumerated() {
            var isDatagram = false
            if capus_adopt_listener(fd, &isDatagram) {
                activated.append((index < names.count ? String(names[index]) : "", fd, isDatagram))
            } else {
                Log.write(
                    "descriptor \(fd) of the service manager is no listening socket; it is not used", .warning)
            }
        }
    }

    /// Says which sockets of the service manager nobody wants.
    func reportUnused() {
        for socket in activated {
            Log.write(
                "socket \(socket.name.isEmpty ? "\(socket.fd)" : socket.name) of the service manager fits no worker's "
                    + "address; it is not used", .warning)
        }
    }

    private static func environment(_ name: String) -> String? { capus_environment(name).map { String(cString: $0) } }

    func inherit(_ fd: Int32, key: String, path: String?) { entries[key] = Entry(fd: fd, path: path) }

    // MARK: Opening

    /// The socket of a key: the one that is there, or a new one; −1 for a worker without an address.
    func open(_ worker: WorkerBase, key: String) throws(SystemError) -> Int32 {
        if let entry = entries[key] { return entry.fd }
        guard worker.address != nil else { return -1 }
        // The file of a socket that the service manager opened is its own.
        if let fd = takeActivated(for: worker) {
            entries[key] = Entry(fd: fd, path: nil)
            return fd
        }
        let fd = try worker.openSocket()
        entries[key] = Entry(fd: fd, path: worker.address?.path)
        return fd
    }

    private func takeActivated(for worker: WorkerBase) -> Int32? {
        guard let wanted = worker.address else { return nil }
        let index = activated.firstIndex { socket in
            socket.isDatagram == worker.isDatagram
                && (socket.name == worker.name || Self.address(of: socket.fd).map { $0.serves(wanted) } ?? false)
        }
        return index.map { activated.remove(at: $0).fd }
    }

    private static func address(of fd: Int32) -> SocketAddress? {
        var native = capus_address()
        guard capus_local_address(fd, &native) == 0 else { return nil }
        return native.family == 1 ? nil : .ip(native.ipText, port: Int(native.port))
    }

    // MARK: Closing

    /// Closes the sockets that no key names, and removes the files of Unix sockets among them.
    func close(allBut keys: Set<String>) {
        for (key, entry) in entries where !keys.contains(key) {
            capus_close(entry.fd)
            if let path = entry.path { _ = capus_remove_file(path) }
            entries[key] = nil
        }
    }

    /// The service stops: nobody new is let in. Files of Unix sockets stay until `removeFiles`.
    func stopListening() {
        for (key, entry) in entries where entry.fd >= 0 {
            capus_close(entry.fd)
            entries[key] = Entry(fd: -1, path: entry.path)
        }
    }

    /// Removes the files of Unix sockets: the service ends.
    func removeFiles() {
        for path in entries.values.compactMap(\.path) { _ = capus_remove_file(path) }
    }
}

extension SocketAddress {
    /// Whether a socket bound to this address serves what was asked for: every interface of IPv6 is every one of IPv4,
    /// too.
    nonisolated func serves(_ wanted: SocketAddress) -> Bool {
        guard case .ip(let host, let port) = self, case .ip(let wantedHost, let wantedPort) = wanted else {
            return self == wanted
        }
        let everyInterface = ["0.0.0.0", "::"]
        return port == wantedPort
            && (host == wantedHost || everyInterface.contains(host) && everyInterface.contains(wantedHost))
    }

    /// The file of a Unix socket.
    nonisolated var path: String? {
        if case .unix(let path) = self { path } else { nil }
    }
}
