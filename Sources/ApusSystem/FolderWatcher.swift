import Apus
import CLinux

/// Tells of files that change in folders and all that is in them (inotify).
@MainActor final class FolderWatcher {
    private static let interest = UInt32(
        IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR | IN_DONT_FOLLOW)

    private let fd: Int32
    private let ignored: Set<String>
    private let changed: (_ path: String) -> Void
    private var folders: [Int32: String] = [:]

    /// Folders of the `ignored` names, and hidden ones, are left out. Throws when a folder cannot be watched.
    init(_ paths: [String], ignoring ignored: Set<String>, _ changed: @escaping (String) -> Void) throws {
        self.ignored = ignored
        self.changed = changed
        fd = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard fd >= 0 else { throw ProcessError("watch files", linux_errno()) }
        for path in paths {
            guard add(path) else { throw ProcessError("watch \(path)", linux_errno()) }
        }
        EventLoop.current.watchRead(fd) { [unowned self] in read() }
    }

    isolated deinit {
        EventLoop.current?.unwatchRead(fd)
        close(fd)
    }

    /// False, with an errno, when it cannot be watched.
    private func add(_ path: String) -> Bool {
        let watch = inotify_add_watch(fd, path, Self.interest)
        guard watch >= 0 else { return false }
        folders[watch] = path
        for entry in Self.entries(in: path) where entry.isFolder && isWanted(entry.name) {
            _ = add("\(path)/\(entry.name)")
        }
        return true
    }

    private func isWanted(_ folder: String) -> Bool { !folder.hasPrefix(".") && !ignored.contains(folder) }

    /// What is in a folder: names, and whether each is a folder itself.
    private static func entries(in path: String) -> [(name: String, isFolder: Bool)] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var entries: [(String, Bool)] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            entries.append((name, entry.pointee.d_type == UInt8(DT_DIR)))
        }
        return entries
    }

    private func read() {
        withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 8) { buffer in
            while case let count = CLinux.read(fd, buffer.baseAddress!, buffer.count), count > 0 {
                var offset = 0
                while offset < count {
                    let event = buffer.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                    let start = offset + MemoryLayout<inotify_event>.size
                    let name = buffer[start..<start + Int(event.len)].prefix { $0 != 0 }
                    note(event, String(decoding: name, as: UTF8.self))
                    offset = start + Int(event.len)
                }
            }
        }
    }

    private func note(_ event: inotify_event, _ name: String) {
        if event.mask & UInt32(IN_Q_OVERFLOW) != 0 {
            // Nobody knows what has changed: everything.
            for path in Array(folders.values) {
                for entry in Self.entries(in: path) { changed("\(path)/\(entry.name)") }
            }
            return
        }
        guard let folder = folders[event.wd] else { return }
        if event.mask & UInt32(IN_IGNORED) != 0 {
            folders[event.wd] = nil
            return
        }
        let path = "\(folder)/\(name)"
        guard event.mask & UInt32(IN_ISDIR) != 0 else { return changed(path) }
        // A folder that has come with all that is in it.
        if event.mask & UInt32(IN_CREATE | IN_MOVED_TO) != 0, isWanted(name), add(path) { announce(path) }
    }

    /// What was in a folder before it was watched.
    private func announce(_ path: String) {
        for entry in Self.entries(in: path) {
            if !entry.isFolder {
                changed("\(path)/\(entry.name)")
            } else if isWanted(entry.name) {
                announce("\(path)/\(entry.name)")
            }
        }
    }
}
