/// Which fields hold what only client and server are to know, as far as that shows.
package nonisolated enum SecretName {
    private static let parts = [
        "auth", "cookie", "token", "secret", "passw", "passphrase", "pwd", "apikey", "accesskey", "privatekey",
        "session",
        "csrf", "xsrf", "signature", "credential", "jwt",
    ]
    private static let names: Set = ["key", "pass", "pin", "otp", "sid", "sig", "code", "cvc", "cvv"]

    /// Whether a header field, or one of a query or form, looks like a secret.
    package static func isSecret(_ name: String, _ value: String) -> Bool {
        let plain = name.lowercased().filter { $0.isLetter || $0.isNumber }
        if names.contains(plain) || parts.contains(where: plain.contains) { return true }
        let start = value.prefix(7).lowercased()
        return start == "bearer " || start.hasPrefix("basic ")
    }
}
