import CApus

/// The master's side of the socket that commands reach it through: one line in, text out. Only the owner may connect.
final class ControlSocket {
    let fd: Int32
    private static let patience: Int32 = 500

    /// Nil when the socket cannot be made; the reason is logged and commands that need it will not work.
    init?(path: String) {
        fd = capus_listen_unix(path, 16, 0o600)
        guard fd >= 0 else {
            Log.write("no control socket: \(SystemError("listen on \(path)", -fd)); status will not answer")
            return nil
        }
    }

    /// Answers one client; one that is slow or silent is left after half a second.
    func serve(_ answer: (String) -> String) {
        var peer = capus_address()
        let client = capus_accept(fd, &peer)
        guard client >= 0 else { return }
        defer { capus_close(client) }
        guard let command = Self.read(client, timeout: Self.patience) else { return }
        let text = Array(answer(command).utf8)
        text.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = capus_send(client, bytes.baseAddress! + sent, bytes.count - sent)
                guard count > 0 else { return }  // More than a socket buffer, unread: not our client.
                sent += count
            }
        }
    }

    /// Whatever arrives within the time.
    static func read(_ fd: Int32, timeout: Int32) -> String? {
        withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 1) { buffer in
            var ready = false
            guard capus_wait_readable([fd], &ready, 1, timeout) > 0 else { return nil }
            let count = capus_receive(fd, buffer.baseAddress!, buffer.count)
            return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
        }
    }
}

/// The command's side.
enum ControlClient {
    static func ask(_ command: String) -> String? {
        var pending = false
        let fd = capus_connect_unix(Service.settings.controlPath, &pending)
        guard fd >= 0 else { return nil }
        defer { capus_close(fd) }
        _ = Array(command.utf8).withUnsafeBytes { capus_send(fd, $0.baseAddress!, $0.count) }
        var answer = ""
        while let piece = ControlSocket.read(fd, timeout: 2000) { answer += piece }
        return answer.isEmpty ? nil : answer
    }
}
