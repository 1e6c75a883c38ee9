import CApus

/// A command's side of the control socket; the master's is `ControlSocket`.
enum ControlClient {
    /// Milliseconds: more than a master takes to collect what its workers say.
    private static let patience: Int32 = 3000

    enum Failure: Error {
        case noMaster
        case notAllowed
        case noAnswer
    }

    /// A master lets go of whom it has not heard out when a reload makes another program of it, which is the same
    /// process and listens on. More often than that in a row it is no reload.
    private static let attempts = 5

    /// Asks the master.
    static func ask(_ request: ControlRequest) throws(Failure) -> String {
        for _ in 0..<attempts {
            if let answer = try askOnce(request) { return answer }
        }
        throw .noAnswer
    }

    /// Nil when the connection ended without an answer.
    private static func askOnce(_ request: ControlRequest) throws(Failure) -> String? {
        let fd = try connect()
        defer { capus_close(fd) }
        _ = Array(request.text.utf8).withUnsafeBytes { capus_send(fd, $0.baseAddress!, $0.count) }
        var isReadable = false
        guard capus_wait_readable([fd], &isReadable, 1, patience) > 0 else { throw .noAnswer }
        var byte: UInt8 = 0
        var file: Int32 = -1
        guard capus_receive_descriptor(fd, &byte, 1, &file) == 1, file >= 0 else { return nil }
        defer { capus_close(file) }
        return ControlFile.text(of: file)
    }

    private static func connect() throws(Failure) -> Int32 {
        var pending = false
        let fd = capus_connect_unix(Service.settings.controlPath, &pending)
        guard fd >= 0 else { throw fd == -Int32(CAPUS_NOT_PERMITTED) ? .notAllowed : .noMaster }
        return fd
    }

    /// The process that listens on the control socket; nil when there is none.
    static var master: Int32? {
        guard let fd = try? connect() else { return nil }
        defer { capus_close(fd) }
        let pid = capus_peer_process(fd)
        return pid > 0 ? pid : nil
    }
}
