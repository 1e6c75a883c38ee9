import CApus

/// What agents and those who may use them know, and nobody else.
public nonisolated struct LoadAgentSecret: Sendable {
    /// The environment variable that may hold it.
    public static let variable = "APUS_LOAD_SECRET"
    private static let fewestBytes = 16

    let bytes: [UInt8]

    /// Whoever has seen a greeting can try out short secrets without asking anybody: they are refused.
    init(_ bytes: [UInt8], from option: String) throws(LoadOptionsError) {
        guard bytes.count >= Self.fewestBytes else {
            throw LoadOptionsError(
                option, "a secret has at least \(Self.fewestBytes) bytes; make one with: openssl rand -hex 32")
        }
        self.bytes = bytes
    }

    /// The secret in a file, without the line break at its end, or else in `APUS_LOAD_SECRET`, which processes that are
    /// started from now on do not get; nil when there is neither. Throws when the file cannot be read or the secret is
    /// too short.
    public static func read(file: String?) throws(LoadOptionsError) -> LoadAgentSecret? {
        if let file {
            var bytes = try FileBytes.read(file, "--secret-file")
            while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
            return try LoadAgentSecret(bytes, from: "--secret-file")
        }
        guard let value = capus_environment(variable) else { return nil }
        defer { capus_unset_environment(variable) }
        return try LoadAgentSecret(Array(String(cString: value).utf8), from: variable)
    }
}
