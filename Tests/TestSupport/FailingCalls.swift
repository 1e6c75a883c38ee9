import Glibc
import Synchronization

/// Makes one chosen system call of the programs that are started with it fail, or the clock of the day jump, while they
/// run: see `CSources/CFaults/errnos.c`. All of them share it.
public final class FailingCalls {
    /// What the library maps, in its order.
    private struct Control {
        var call: (UInt64, UInt64, UInt64, UInt64)
        var error: Int32
        var rate: UInt32
        var nth: UInt64
        var calls: UInt64
        var struck: UInt64
        var clockOffset: Int64
    }

    private let folder: TemporaryFolder
    private let control: UnsafeMutablePointer<Control>

    /// Nothing fails yet.
    public init() throws {
        folder = try TemporaryFolder()
        let fd = open(folder.file("control"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard fd >= 0, ftruncate(fd, 4096) == 0,
            let mapped = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), mapped != MAP_FAILED
        else { throw Failure("control file: \(systemError())") }
        close(fd)
        control = mapped.bindMemory(to: Control.self, capacity: 1)
    }

    deinit { munmap(control, 4096) }

    /// How programs are started whose calls are to fail.
    public func launch() throws -> ServerProcess.Launch {
        .init(environment: [
            "LD_PRELOAD": try Self.library.get().file("errnos.so"), "APUS_ERRNOS": folder.file("control"),
        ])
    }

    /// Makes the `nth` call of this name from now on fail with an errno, or each one.
    public func fail(_ call: String, _ error: Int32, nth: UInt64? = nil) {
        stop()
        withUnsafeMutableBytes(of: &control.pointee.call) { bytes in
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
            bytes.copyBytes(from: Array(call.utf8))
        }
        control.pointee.error = error
        control.pointee.calls = 0
        control.pointee.struck = 0
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if let nth { control.pointee.nth = nth } else { control.pointee.rate = 1000 }
    }

    /// Nothing fails any more.
    public func stop() {
        control.pointee.rate = 0
        control.pointee.nth = 0
    }

    /// How many calls have failed since `fail`.
    public var struck: Int { Int(control.pointee.struck) }

    /// Seconds that the clock of the day is off.
    public var clockOffset: Int64 {
        get { control.pointee.clockOffset }
        set { control.pointee.clockOffset = newValue }
    }

    /// The folder with the library, compiled once for all tests of this process.
    private static let library: Result<TemporaryFolder, Failure> = {
        guard let folder = try? TemporaryFolder() else { return .failure(Failure("no folder for the library")) }
        let path = folder.file("errnos.so")
        let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let source = "/\(tests)/../CSources/CFaults/errnos.c"
        do {
            let compiler = try ServerProcess(
                "/usr/bin/cc", ["-O1", "-shared", "-fPIC", "-o", path, source, "-ldl"], in: folder)
            guard try compiler.waitForExit() == .code(0) else { return .failure(Failure(compiler.errorText)) }
            return .success(folder)
        } catch {
            return .failure(Failure("cc: \(error)"))
        }
    }()
}
