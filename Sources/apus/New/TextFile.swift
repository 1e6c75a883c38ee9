import ApusProtocols
import Glibc

/// Files and folders, with errors that name them.
nonisolated enum TextFile {
    /// All of a file; nil when it cannot be read.
    static func read(_ path: String) -> String? {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = Glibc.read(fd, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count == 0 ? String(decoding: bytes, as: UTF8.self) : nil }
            bytes += block[..<count]
        }
    }

    /// Writes a file that is not there yet. One that could not be written whole is removed.
    static func create(_ path: String, _ text: String) throws(ProjectError) {
        let fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard fd >= 0 else { throw .system(path) }
        var isWritten = true
        var rest = Array(text.utf8)[...]
        while isWritten, !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(fd, $0.baseAddress!, $0.count) }
            if count >= 0 { rest = rest.dropFirst(count) } else { isWritten = errno == EINTR }
        }
        let failure = errno
        if close(fd) != 0 || !isWritten {
            let error = isWritten ? ProjectError.system(path) : ProjectError.system(path, failure)
            unlink(path)
            throw error
        }
    }

    /// What is in a folder; nil when there is none.
    static func names(in folder: String) throws(ProjectError) -> [String]? {
        guard let stream = opendir(folder) else {
            if errno == ENOENT { return nil }
            throw .system(folder)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// The path from the root on, without `.` and `..`: those are taken as written, not by where links lead.
    static func absolute(_ path: String) -> String {
        var parts: [Substring] = []
        for part in (path.hasPrefix("/") ? path : workingFolder + "/" + path).split(atASCII: "/") {
            switch part {
            case ".": continue
            case "..": _ = parts.popLast()
            default: parts.append(part)
            }
        }
        return "/" + parts.joined(separator: "/")
    }

    private static var workingFolder: String {
        guard let path = getcwd(nil, 0) else { return "" }
        defer { free(path) }
        return String(cString: path)
    }

    /// Where this program is; nil when that cannot be told.
    static var executable: String? {
        guard let path = realpath("/proc/self/exe", nil) else { return nil }
        defer { free(path) }
        return String(cString: path)
    }
}

nonisolated extension ProjectError {
    /// What the system says about a path.
    static func system(_ path: String, _ code: Int32 = errno) -> ProjectError {
        ProjectError("\(path): \(String(cString: strerror(code)))")
    }
}
