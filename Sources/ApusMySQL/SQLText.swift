/// What can be seen of a statement without understanding it.
nonisolated enum SQLText {
    /// Whether it only reads, so that executing it twice does no harm. Functions that change something are not seen.
    static func isRead(_ sql: String) -> Bool {
        var words = SQLScanner(sql)
        guard let first = words.nextWord() else { return false }
        switch first.uppercased() {
        case "SHOW", "DESCRIBE", "DESC", "EXPLAIN": return true
        case "SELECT", "WITH", "VALUES", "TABLE": break
        default: return false
        }
        while let word = words.nextWord() {
            switch word.uppercased() {
            // INTO OUTFILE and INTO @variable, locks, sequences and data that WITH changes.
            case "INTO", "UPDATE", "DELETE", "INSERT", "REPLACE", "NEXTVAL", "SETVAL", "NEXT", "GET_LOCK": return false
            default: break
            }
        }
        return true
    }

    /// The statement with each `:name` replaced by `?`, and all values in the order of their placeholders.
    static func positional(
        _ sql: String, _ values: [MySQLValue], named: [String: MySQLValue]
    ) throws(MySQLError) -> (sql: String, values: [MySQLValue]) {
        var scanner = SQLScanner(sql)
        var result: [UInt8] = []
        var ordered: [MySQLValue] = []
        var rest = values[...]
        var used: Set<String> = []
        var copied = 0
        while let placeholder = scanner.nextPlaceholder() {
            switch placeholder.name {
            case nil:
                guard let value = rest.popFirst() else { continue }
                ordered.append(value)
            case let name?:
                guard let value = named[name] else { throw .unboundName(name, sql: sql) }
                result += scanner.bytes[copied..<placeholder.range.lowerBound] + [UInt8(ascii: "?")]
                copied = placeholder.range.upperBound
                ordered.append(value)
                used.insert(name)
            }
        }
        if let unused = named.keys.filter({ !used.contains($0) }).min() { throw .unboundName(unused, sql: sql) }
        result += scanner.bytes[copied...]
        // Those that are too many stay: the count is refused with the statement.
        return (String(decoding: result, as: UTF8.self), ordered + rest)
    }
}

/// Goes through a statement past its strings, quoted names and comments.
nonisolated struct SQLScanner {
    let bytes: [UInt8]
    private var place = 0

    struct Placeholder {
        /// nil for `?`.
        var name: String?
        var range: Range<Int>
    }

    init(_ sql: String) { bytes = Array(sql.utf8) }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...:
            true
        default: false
        }
    }

    mutating func nextWord() -> String? {
        while place < bytes.count {
            if skipQuoted() { continue }
            guard Self.isWordByte(bytes[place]) else {
                place += 1
                continue
            }
            let start = place
            while place < bytes.count, Self.isWordByte(bytes[place]) { place += 1 }
            return String(decoding: bytes[start..<place], as: UTF8.self)
        }
        return nil
    }

    mutating func nextPlaceholder() -> Placeholder? {
        while place < bytes.count {
            if skipQuoted() { continue }
            let start = place
            place += 1
            if bytes[start] == UInt8(ascii: "?") { return Placeholder(range: start..<place) }
            if Self.isWordByte(bytes[start]) {
                while place < bytes.count, Self.isWordByte(bytes[place]) { place += 1 }
                continue
            }
            guard bytes[start] == UInt8(ascii: ":"), place < bytes.count, Self.isWordByte(bytes[place]),
                !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[place])
            else { continue }
            while place < bytes.count, Self.isWordByte(bytes[place]) { place += 1 }
            return Placeholder(
                name: String(decoding: bytes[(start + 1)..<place], as: UTF8.self), range: start..<place)
        }
        return nil
    }

    /// True when something was skipped.
    private mutating func skipQuoted() -> Bool {
        let byte = bytes[place]
        switch byte {
        case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"):
            place += 1
            while place < bytes.count, bytes[place] != byte {
                // A quote within is doubled, which looks like two strings, or stands behind a backslash.
                place += bytes[place] == UInt8(ascii: "\\") && byte != UInt8(ascii: "`") ? 2 : 1
            }
            place = min(place + 1, bytes.count)
        case UInt8(ascii: "#"): skipLine()
        case UInt8(ascii: "-") where isAt("-- ") || isAt("--\t") || isAt("--\n"): skipLine()
        case UInt8(ascii: "/") where isAt("/*") && !isAt("/*!") && !isAt("/*M!"):
            place += 2
            while place < bytes.count, !isAt("*/") { place += 1 }
            place = min(place + 2, bytes.count)
        default: return false
        }
        return true
    }

    private mutating func skipLine() {
        while place < bytes.count, bytes[place] != 0x0A { place += 1 }
    }

    private func isAt(_ text: StaticString) -> Bool {
        guard place + text.utf8CodeUnitCount <= bytes.count else { return false }
        return text.withUTF8Buffer { zip($0, bytes[place...]).allSatisfy { $0 == $1 } }
    }
}
