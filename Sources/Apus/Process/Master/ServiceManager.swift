import CApus

/// The service manager that started the program, if one did: systemd's protocol of `sd_notify(3)`.
enum ServiceManager {
    static func ready() { tell("READY=1\nMAINPID=\(capus_process_id())") }
    static func reloading() { tell("RELOADING=1\nMONOTONIC_USEC=\(capus_monotonic_ns() / 1000)") }
    static func stopping() { tell("STOPPING=1") }

    private static func tell(_ state: String) {
        guard let socket = capus_environment("NOTIFY_SOCKET") else { return }
        _ = capus_notify(socket, state)
    }
}
