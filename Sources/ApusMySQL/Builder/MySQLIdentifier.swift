import ApusProtocols

/// How names are written in statements.
public nonisolated enum MySQLIdentifier {
    /// A name in backquotes, whatever it consists of: use it for names that come from outside.
    public static func quoted(_ name: String) -> String { "`\(name.escaped { $0 == "`" ? "``" : nil })`" }

    /// The expression that the builder takes for a column or table: names are quoted, such as `id`, `u.id`,
    /// `shop.users` and what stands behind AS or a blank; anything else, such as `COUNT(*)`, stands for itself.
    public static func expression(_ text: String) -> String {
        let words = text.split(atASCII: " ")
        switch words.count {
        case 1: return path(text) ?? text
        case 2:
            guard let first = path(words[0]), isName(words[1]), !suffixes.contains(words[1].uppercased()) else {
                return text
            }
            return "\(first) \(quoted(String(words[1])))"
        case 3 where words[1].uppercased() == "AS":
            guard isName(words[2]) else { return text }
            return "\(path(words[0]) ?? String(words[0])) AS \(quoted(String(words[2])))"
        default: return text
        }
    }

    /// Words behind a name that are none.
    private static let suffixes: Set = ["ASC", "DESC", "DIV", "MOD"]

    private static func path(_ text: some StringProtocol) -> String? {
        let parts = Substring(text).split(atASCII: ".", omittingEmptySubsequences: false)
        let isPath = parts.enumerated().allSatisfy { index, part in
            isName(part) || (part == "*" && index > 0 && index == parts.count - 1)
        }
        guard isPath else { return nil }
        return parts.map { $0 == "*" ? "*" : quoted(String($0)) }.joined(separator: ".")
    }

    private static func isName(_ text: some StringProtocol) -> Bool {
        guard let first = text.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return text.unicodeScalars.allSatisfy {
            $0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "_" || $0 == "$"
        }
    }
}
