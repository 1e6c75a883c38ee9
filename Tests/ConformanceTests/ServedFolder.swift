import Glibc
import TestSupport

/// A folder with files to be served.
final class ServedFolder: Sendable {
    private let folder: TemporaryFolder
    var path: String { folder.path }

    /// A folder with a pipe that nobody writes to, and a link to a device.
    init() throws {
        folder = try TemporaryFolder()
        guard mkfifo(folder.file("fifo"), 0o600) == 0 else { throw Failure("mkfifo") }
        symlink("/dev/null", folder.file("null"))
    }

    func file(_ name: String) -> String { folder.file(name) }

    /// Makes a file of `count` bytes anew, in which each place can be told from its neighbours; returns the bytes.
    @discardableResult
    func make(_ name: String, _ count: Int) throws -> [UInt8] {
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { target, size in
            for i in 0..<count { target[i] = UInt8(truncatingIfNeeded: i &* 31 &+ i >> 8 &* 7 &+ i >> 16) }
            size = count
        }
        unlink(file(name))
        let fd = open(file(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        defer { close(fd) }
        guard fd >= 0, write(fd, bytes, count) == count else { throw Failure("write \(name)") }
        return bytes
    }

    /// Makes a file with a hole of `count` bytes, of which every 100,000th is 1.
    func makeSparse(_ name: String, _ count: Int) throws {
        let fd = open(file(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        defer { close(fd) }
        guard fd >= 0, ftruncate(fd, count) == 0 else { throw Failure("truncate \(name)") }
        var one: UInt8 = 1
        for offset in stride(from: 0, to: count, by: 100_000) { pwrite(fd, &one, 1, offset) }
    }

    func truncate(_ name: String, to count: Int) { Glibc.truncate(file(name), count) }

    /// Sets when the file was changed last.
    func touch(_ name: String, _ seconds: Int) {
        let times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
        utimensat(AT_FDCWD, file(name), times, 0)
    }
}

/// Runs the `files` scenario over a folder for `body`.
func withFiles(
    _ setup: Setup, _ options: [String] = [], on threads: TestThreads = .light,
    _ body: @Sendable (ScenarioServer, ServedFolder) throws -> Void
) async throws {
    let folder = try ServedFolder()
    try await withScenario("files", setup, ["--root", folder.path] + options, on: threads) { try body($0, folder) }
}

extension Client {
    /// Sends a request with fields and without a body, and reads the answer.
    func request(_ line: String, _ fields: [String] = [], toHead: Bool = false) throws -> HTTPReply {
        try send("\(line) HTTP/1.1\r\n" + (["Host: h"] + fields).joined(separator: "\r\n") + "\r\n\r\n")
        return try readReply(toHead: toHead)
    }

    /// Reads `count` bytes of what `makeSparse` made, from the start of it.
    func checkSparse(_ count: Int, within seconds: Double = 60) throws {
        var block = [UInt8](repeating: 0, count: 100_000)
        block[0] = 1
        var left = count
        while left > 0 {
            let piece = min(left, block.count)
            guard try read(piece, within: seconds) == Array(block[..<piece]) else {
                throw Failure("wrong bytes \(count - left) bytes from the start")
            }
            left -= piece
        }
    }
}
