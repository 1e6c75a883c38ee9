/// The names that sessions have in stores and cookies.
nonisolated enum SessionID {
    /// No capitals: also unique where file names have no case.
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
    /// Of five bits each: 160 bits that nobody can guess.
    private static let length = 32

    /// A new one, from the random numbers of the system.
    static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return String(unsafeUninitializedCapacity: length) { text in
            for index in 0..<length { text[index] = alphabet[Int(generator.next() & 31)] }
            return length
        }
    }

    static func isValid(_ id: String) -> Bool {
        (16...256).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2C, 0x2D: true
                default: false
                }
            }
    }

    /// The id in a cookie; nil when it is none. Some clients put quotation marks around values.
    static func inCookie(_ value: String) -> String? {
        let isQuoted = value.utf8.count >= 2 && value.hasPrefix("\"") && value.hasSuffix("\"")
        let id = isQuoted ? String(value.dropFirst().dropLast()) : value
        return isValid(id) ? id : nil
    }
}
