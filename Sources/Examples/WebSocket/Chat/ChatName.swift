/// What guests and rooms may be called.
nonisolated struct ChatName: Sendable, Hashable {
    static let mostCharacters = 30
    static let mostBytes = 90
    /// Bytes of a page's key, and of what it numbers its lines with.
    static let mostKeyBytes = 64

    /// As it is shown.
    let text: String
    /// As it is compared: "Ann" and "ann" are one.
    let key: String

    /// Letters and digits of any script, and a few signs: nothing that is invisible, or turns the text around.
    init(_ wanted: String?, _ what: String) throws(ChatProblem) {
        text = (wanted ?? "").split(whereSeparator: \.isWhitespace).joined(separator: " ")
        key = text.lowercased()
        guard (1...Self.mostCharacters).contains(text.count), text.utf8.count <= Self.mostBytes,
            key.utf8.count <= Self.mostBytes
        else { throw ChatProblem("\(what) has 1 to \(Self.mostCharacters) letters") }
        guard text.unicodeScalars.allSatisfy(Self.isAllowed) else {
            throw ChatProblem("\(what) has letters, digits, blanks and -_.' alone")
        }
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark,
            .spacingMark, .decimalNumber:
            true
        default: " -_.'".unicodeScalars.contains(scalar)
        }
    }

    /// What a page makes up: a key of its own, a number for a line.
    static func token(_ text: String?) throws(ChatProblem) -> String {
        guard let text, (1...mostKeyBytes).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) })
        else { throw ChatProblem("a key or id has 1 to \(mostKeyBytes) small letters and digits") }
        return text
    }
}

/// What a guest is told, and nobody else.
nonisolated struct ChatProblem: Error {
    let text: String
    init(_ text: String) { self.text = text }
}
