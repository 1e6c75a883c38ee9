import Glibc

/// A disk that a test can fill: a file system in memory, of so many bytes. Gone with the last reference.
public final class SmallDisk {
    private let folder: TemporaryFolder

    /// Nil where this process may not mount one.
    public init?(bytes: Int) throws {
        folder = try TemporaryFolder()
        let mounted = try Self.run("/bin/mount", ["-t", "tmpfs", "-o", "size=\(bytes)", "tmpfs", folder.path])
        guard mounted == .code(0) else { return nil }
    }

    deinit { _ = try? Self.run("/bin/umount", ["--lazy", folder.path]) }

    private static func run(_ program: String, _ arguments: [String]) throws -> ExitStatus {
        try ServerProcess(program, arguments, in: TemporaryFolder()).waitForExit()
    }

    /// The path of `name` on it.
    public func file(_ name: String) -> String { folder.file(name) }

    /// Takes all the room that is left.
    public func fill() throws {
        let fd = open(file("ballast"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard fd >= 0 else { throw Failure("ballast: \(systemError())") }
        defer { close(fd) }
        let block = [UInt8](repeating: 0, count: 4096)
        while write(fd, block, block.count) > 0 {}
        guard errno == ENOSPC else { throw Failure("ballast: \(systemError())") }
    }

    /// Gives that room back.
    public func makeRoom() { unlink(file("ballast")) }
}
