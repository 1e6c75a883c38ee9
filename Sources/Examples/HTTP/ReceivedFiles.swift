import Glibc

/// The folder that received files are saved in, under names of which a client chooses only the harmless part.
nonisolated struct ReceivedFiles: Sendable {
    /// Why a file was not saved.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static let maxNameLength = 100
    static let maxFilesOfOneName = 1000

    let path: String

    /// Makes the folder unless it is there; a fresh one for nil.
    init(into folder: String?) throws {
        if let folder {
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw Self.failure("make the folder \(folder)") }
            path = folder
        } else {
            var template = Array("/tmp/apus-files-XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else { throw Self.failure("make a folder") }
            path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        }
    }

    /// Saves a file and returns its name. A file that is there is never touched: the new one gets a number.
    func save(_ file: TransferredFile) throws -> String {
        let wanted = Self.safeName(file.fileName)
        for number in 1...Self.maxFilesOfOneName {
            let name = number == 1 ? wanted : Self.numbered(wanted, number)
            // Exclusively: fails for whatever has the name already, links included.
            let fd = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            if fd < 0, errno == EEXIST { continue }
            guard fd >= 0 else { throw Self.failure("open a file") }
            defer { close(fd) }
            do {
                try Self.write(file.fileData, to: fd)
            } catch {
                unlink("\(path)/\(name)")
                throw error
            }
            return name
        }
        throw Failure(description: "there are too many files of that name")
    }

    /// A name for one file in one folder. Letters, digits and underscores stay, dots and dashes do behind them: so
    /// there is no path, no hidden file and no "..", and nothing that a command takes for an option.
    static func safeName(_ name: String) -> String {
        var safe = ""
        var isBehindLetter = false
        for scalar in name.unicodeScalars {
            let isLetter = scalar.properties.isAlphabetic || scalar.properties.numericType != nil
            let stays = isLetter || isBehindLetter && (scalar == "." || scalar == "-")
            let next = stays ? String(scalar) : "_"
            guard safe.utf8.count + next.utf8.count <= maxNameLength else { break }
            safe += next
            isBehindLetter = isLetter || scalar == "_"
        }
        return safe.isEmpty ? "unnamed" : safe
    }

    /// "report.txt" becomes "report-2.txt".
    private static func numbered(_ name: String, _ number: Int) -> String {
        let dot = name.lastIndex(of: ".") ?? name.endIndex
        return "\(name[..<dot])-\(number)\(name[dot...])"
    }

    private static func write(_ bytes: [UInt8], to fd: Int32) throws {
        try bytes.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count {
                let count = Glibc.write(fd, bytes.baseAddress! + written, bytes.count - written)
                guard count >= 0 || errno == EINTR else { throw failure("write a file") }
                written += max(0, count)
            }
        }
    }

    private static func failure(_ what: String) -> Failure {
        Failure(description: "cannot \(what): \(String(cString: strerror(errno)))")
    }
}
