import Glibc
import TestSupport

/// Sockets of another process, which the test has as well: that of a program of its own, to see what becomes of what
/// it is sent there.
enum ForeignSockets {
    // The module of Glibc hides it, since its arguments vary.
    private typealias SystemCall = @convention(c) (Int, Int, Int, Int) -> Int
    private static let systemCall = unsafeBitCast(dlsym(nil, "syscall")!, to: SystemCall.self)
    private static let openProcess = 434  // pidfd_open
    private static let getDescriptor = 438  // pidfd_getfd

    /// The system lets processes have each other's descriptors; some containers do not.
    static var canBeHad: Bool {
        let process = Int32(systemCall(openProcess, Int(getpid()), 0, 0))
        let fd = Int32(systemCall(getDescriptor, Int(process), 0, 0))
        for opened in [process, fd] where opened >= 0 { close(opened) }
        return fd >= 0
    }

    /// Sends `message` to all sockets of a process that keep messages apart, until they take no more; returns how
    /// many were sent.
    static func fill(of pid: Int32, with message: [UInt8]) throws -> Int {
        let process = Int32(systemCall(openProcess, Int(pid), 0, 0))
        guard process >= 0 else { throw Failure("pidfd_open: \(String(cString: strerror(errno)))") }
        defer { close(process) }
        var count = 0
        for number in 0..<64 {
            let fd = Int32(systemCall(getDescriptor, Int(process), number, 0))
            guard fd >= 0 else {
                if errno == EBADF { continue }
                throw Failure("pidfd_getfd: \(String(cString: strerror(errno)))")
            }
            defer { close(fd) }
            var type: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            guard getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0, type == Int32(SOCK_SEQPACKET.rawValue) else {
                continue
            }
            while send(fd, message, message.count, Int32(MSG_DONTWAIT)) > 0 { count += 1 }
        }
        return count
    }
}
