/// The exit of a process, raw and in words.
nonisolated struct ExitReason: CustomStringConvertible {
    /// The wait status as the kernel reports it.
    let raw: Int32

    var isSignal: Bool { raw & 0x7F != 0 }
    var isNormal: Bool { raw == 0 }

    var description: String {
        let code = raw >> 8 & 0xFF
        let note = Self.codeNames[code].map { ": \($0)" } ?? ""
        return isSignal ? "signal \(raw & 0x7F) \(Self.signalNames[raw & 0x7F] ?? "")" : "exit code \(code)\(note)"
    }

    /// Exit codes that Apus itself gives.
    static let callbackFailed: Int32 = 250
    static let cannotServe: Int32 = 251

    private static let codeNames: [Int32: String] = [
        callbackFailed: "a callback of the process threw", cannotServe: "the process could not be set up",
    ]

    private static let signalNames: [Int32: String] = [
        1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL (a Swift run-time trap)", 5: "TRAP (a Swift run-time trap)", 6: "ABRT",
        7: "BUS", 8: "FPE", 9: "KILL", 11: "SEGV", 15: "TERM", 20: "TSTP",
    ]
}
