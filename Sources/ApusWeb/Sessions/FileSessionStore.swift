import Apus
import CApus
import FoundationEssentials

/// Sessions as files of a folder, for the processes of one machine: `session_<id>`, readable for this user alone. The
/// time of a file's last change is set to when the session ends.
///
/// Files appear complete or not at all. Those whose time has passed are removed by the store itself, every ten minutes
/// while sessions are saved. The folder is made, for this user alone, when it is missing; it should be on a local disk
/// and hold nothing else, and nobody else should be able to write to it. Ids have 240 characters at most here.
public final class FileSessionStore: SessionStore {
    // File calls leave the loop. Measured with entries of 1 KB on a busy two-core machine (ext4): the way to another
    // thread and back takes 50 µs, the calls of a read 30 µs, those of a write 0.8 ms, one in a hundred 11 ms, and the
    // longest of 3,000 took 100 ms, for which every connection of the process would have stood still.
    private let folder: String
    private let sweepInterval: Double
    private var nextSweep: ContinuousClock.Instant
    private var isSweeping = false

    /// Sessions in a folder. A relative path starts from the folder that the service was started in.
    public convenience init(folder: String) { self.init(folder: folder, sweepInterval: 600) }

    /// `sweepInterval` is in seconds.
    init(folder: String, sweepInterval: Double) {
        precondition(!folder.isEmpty && !folder.utf8.contains(0), "the sessions need a folder")
        self.folder = folder
        self.sweepInterval = sweepInterval
        // Not all processes at the same time.
        nextSweep = .now + .seconds(Double.random(in: 0...sweepInterval))
    }

    nonisolated deinit {}

    public func read(_ id: String) async throws -> [UInt8]? {
        guard let path = path(id) else { return nil }
        return try await offTheLoop { () throws(SystemError) in try SessionFile.read(path) }
    }

    public func write(_ id: String, _ data: [UInt8], lifetime: Int, isNew: Bool) async throws -> Bool {
        guard let path = path(id) else { throw SessionError.invalidID }
        let folder = folder
        let isKept = try await offTheLoop { () throws(SystemError) in
            try SessionFile.write(path, data, lifetime: lifetime, isNew: isNew, folder: folder)
        }
        sweepWhenDue()
        return isKept
    }

    public func touch(_ id: String, lifetime: Int) async throws -> Bool {
        guard let path = path(id) else { return false }
        return try await offTheLoop { () throws(SystemError) in
            guard try SessionFile.exists(path) else { return false }
            return try SessionFile.setEnd(path, lifetime: lifetime)
        }
    }

    public func remove(_ id: String) async throws {
        guard let path = path(id) else { return }
        try await offTheLoop { () throws(SystemError) in try SessionFile.remove(path) }
    }

    /// Removes the sessions whose time has passed. The store does so by itself.
    public func removeExpired() async {
        let folder = folder
        try? await offTheLoop { () throws(SystemError) in SessionFile.removeExpired(in: folder) }
    }

    /// Names of files have 255 bytes at most; longer ids are unknown.
    private func path(_ id: String) -> String? {
        SessionID.isValid(id) && id.utf8.count <= 240 ? "\(folder)/\(SessionFile.prefix)\(id)" : nil
    }

    private func sweepWhenDue() {
        guard !isSweeping, ContinuousClock.now >= nextSweep else { return }
        isSweeping = true
        nextSweep = .now + .seconds(sweepInterval)
        Task {
            await removeExpired()
            isSweeping = false
        }
    }

    /// Handlers prefer the loop's thread also for what is not isolated; this runs elsewhere all the same.
    private func offTheLoop<Value: Sendable>(
        _ body: @escaping @Sendable () throws(SystemError) -> Value
    ) async throws -> Value {
        try await withTaskExecutorPreference(globalConcurrentExecutor) { try await Self.run(body) }
    }

    @concurrent private nonisolated static func run<Value: Sendable>(
        _ body: @Sendable () throws(SystemError) -> Value
    ) async throws -> Value {
        try body()
    }
}

/// One session's file. All of these block.
private nonisolated enum SessionFile {
    static let prefix = "session_"
    /// Files that are being written; left behind only by a process that was killed.
    private static let temporaryPrefix = ".session_"
    private static let temporaryLifetime = 3600.0
    private static let missing = Int32(CAPUS_NO_SUCH_FILE)

    /// Nil when there is none, or its time has passed.
    static func read(_ path: String) throws(SystemError) -> [UInt8]? {
        guard let (file, size) = try open(path) else { return nil }
        defer { capus_close(file) }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { bytes, count in
            while count < bytes.count {
                let read = capus_read_at(file, bytes.baseAddress! + count, bytes.count - count, count)
                if read < 0 { failure = Int32(-read) }
                if read <= 0 { break }
                count += read
            }
        }
        guard failure == 0 else { throw SystemError("read \(path)", failure) }
        return bytes
    }

    static func exists(_ path: String) throws(SystemError) -> Bool {
        guard let (file, _) = try open(path) else { return false }
        capus_close(file)
        return true
    }

    private static func open(_ path: String) throws(SystemError) -> (file: Int32, size: Int)? {
        var facts = capus_file_facts()
        let file = capus_open_at(-1, path, CAPUS_LINKS_ALL, &facts)
        guard file >= 0 else {
            if -file == missing { return nil }
            throw SystemError("open \(path)", -file)
        }
        guard !facts.is_folder, facts.modified_seconds > now else {
            capus_close(file)
            return nil
        }
        return (file, Int(facts.size))
    }

    static func write(
        _ path: String, _ data: [UInt8], lifetime: Int, isNew: Bool, folder: String
    ) throws(SystemError) -> Bool {
        if !isNew, try !exists(path) { return false }
        let template = "\(folder)/\(temporaryPrefix)XXXXXX"
        var (failure, temporary) = writeNew(template, data)
        if failure == missing {
            makeFolder(folder)
            (failure, temporary) = writeNew(template, data)
        }
        guard failure == 0 else { throw SystemError("write \(template)", failure) }
        do throws(SystemError) {
            _ = try setEnd(temporary, lifetime: lifetime)
            if !isNew, let isKept = try exchange(temporary, path) { return isKept }
            let failure = -capus_rename_file(temporary, path)
            guard failure == 0 else { throw SystemError("write \(path)", failure) }
            return true
        } catch {
            _ = capus_remove_file(temporary)
            throw error
        }
    }

    /// Gives the file `temporary` the name of one that is there. False when that has gone, as with a logout, since it
    /// was looked at: the session must not begin anew. Nil where the file system cannot do that, as those of other
    /// machines.
    private static func exchange(_ temporary: String, _ path: String) throws(SystemError) -> Bool? {
        let failure = -capus_exchange_files(temporary, path)
        if failure == Int32(CAPUS_INVALID_ARGUMENT) { return nil }
        guard failure == 0 || failure == missing else { throw SystemError("write \(path)", failure) }
        // It is the earlier content now, or the later one of a session that has ended.
        _ = capus_remove_file(temporary)
        return failure == 0
    }

    private static func writeNew(_ template: String, _ data: [UInt8]) -> (failure: Int32, path: String) {
        var name = Array(template.utf8CString)
        let file = name.withUnsafeMutableBufferPointer { capus_create_temporary($0.baseAddress!) }
        guard file >= 0 else { return (-file, template) }
        let path = name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        let failure = write(data, to: file)
        capus_close(file)
        if failure != 0 { _ = capus_remove_file(path) }
        return (failure, path)
    }

    private static func write(_ data: [UInt8], to file: Int32) -> Int32 {
        data.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let written = capus_write(file, bytes.baseAddress! + done, bytes.count - done)
                guard written > 0 else { return Int32(-written) }
                done += written
            }
            return 0
        }
    }

    /// What goes wrong is said by the write that follows.
    private static func makeFolder(_ path: String) {
        try? FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    /// False when the file has gone meanwhile.
    static func setEnd(_ path: String, lifetime: Int) throws(SystemError) -> Bool {
        let end = Date(timeIntervalSince1970: Double(now + Int64(lifetime)))
        do {
            try FileManager.default.setAttributes([.modificationDate: end], ofItemAtPath: path)
            return true
        } catch let error as CocoaError where error.code == .fileNoSuchFile || error.code == .fileReadNoSuchFile {
            return false
        } catch {
            throw SystemError("set the end of \(path)", Int32(CAPUS_INVALID_ARGUMENT))
        }
    }

    static func remove(_ path: String) throws(SystemError) {
        let failure = -capus_remove_file(path)
        guard failure == 0 || failure == missing else { throw SystemError("remove \(path)", failure) }
    }

    static func removeExpired(in folder: String) {
        let manager = FileManager.default
        let now = Double(now)
        for name in (try? manager.contentsOfDirectory(atPath: folder)) ?? [] {
            let path = "\(folder)/\(name)"
            let isTemporary = name.hasPrefix(temporaryPrefix)
            guard isTemporary || name.hasPrefix(prefix), let facts = try? manager.attributesOfItem(atPath: path),
                let end = (facts[.modificationDate] as? Date)?.timeIntervalSince1970
            else { continue }
            if end + (isTemporary ? temporaryLifetime : 0) <= now { _ = capus_remove_file(path) }
        }
    }

    /// Seconds since 1970.
    private static var now: Int64 { capus_wall_ns() / 1_000_000_000 }
}
