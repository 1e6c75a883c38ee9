import ApusProtocols
import CApus

/// Text with placeholders: `{{seq}}`, `{{random}}`, `{{random:1-6}}`, and a column of the load's data, `{{name}}`.
nonisolated struct Template {
    /// Names that cannot be those of columns.
    static let reservedNames = ["seq", "random"]

    private enum Piece {
        case bytes([UInt8])
        case sequence
        case random(ClosedRange<UInt64>)
        case column(Int)
    }

    /// Where the text stands, which decides how values are written.
    enum Place {
        /// Values are percent-encoded.
        case path
        case fields, body
    }

    private var pieces: [Piece] = []
    private let place: Place

    /// It has no placeholder: it is the same each time.
    var isConstant: Bool {
        pieces.allSatisfy {
            if case .bytes = $0 { true } else { false }
        }
    }

    /// Throws when a placeholder has a name that is none of these. Braces that hold no name are text.
    init(_ text: [UInt8], in place: Place, columns: [String]) throws(LoadOptionsError) {
        self.place = place
        var literalStart = 0
        var position = 0
        while let brace = Self.brace(in: text, from: position) {
            guard let (name, count) = Self.placeholder(text[brace...]) else {
                position = brace + 1
                continue
            }
            if brace > literalStart { pieces.append(.bytes(Array(text[literalStart..<brace]))) }
            pieces.append(try Self.piece(name, columns))
            position = brace + count
            literalStart = position
        }
        if literalStart < text.count { pieces.append(.bytes(Array(text[literalStart...]))) }
    }

    /// Where the next brace is: a body may be large, and mostly has none.
    private static func brace(in text: [UInt8], from position: Int) -> Int? {
        text.withUnsafeBytes { bytes in
            guard position < bytes.count, let start = bytes.baseAddress,
                let found = memchr(start + position, 0x7B, bytes.count - position)
            else { return nil }
            return UnsafeRawPointer(found) - start
        }
    }

    /// The name of the placeholder that begins here, and how many bytes it takes with its braces.
    private static func placeholder(_ text: ArraySlice<UInt8>) -> (name: String, count: Int)? {
        guard text.starts(with: "{{".utf8) else { return nil }
        let name = text.dropFirst(2).prefix { isNameByte($0) || $0 == UInt8(ascii: ":") }
        guard !name.isEmpty, text.dropFirst(2 + name.count).starts(with: "}}".utf8) else { return nil }
        return (String(decoding: name, as: UTF8.self), name.count + 4)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }

    /// Whether a column can have that name.
    static func isName(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy(isNameByte) }

    private static func piece(_ name: String, _ columns: [String]) throws(LoadOptionsError) -> Piece {
        if name == "seq" { return .sequence }
        if name == "random" { return .random(0...UInt64(UInt32.max)) }
        if name.hasPrefix("random:") {
            let ends = name.dropFirst(7).split(atASCII: "-", omittingEmptySubsequences: false)
            if ends.count == 2, let least = UInt64(ends[0]), let most = UInt64(ends[1]), least <= most {
                return .random(least...most)
            }
            throw LoadOptionsError("{{\(name)}}", "a range is two numbers, as in {{random:1-6}}")
        }
        if let column = columns.firstIndex(of: name) { return .column(column) }
        let known = reservedNames + columns
        let more = columns.isEmpty ? ", or a column of --data" : ""
        throw LoadOptionsError("{{\(name)}}", "it is none of \(known.joined(separator: ", "))\(more)")
    }

    /// Writes the text with its values. `row` has those of the columns.
    func append(to bytes: inout [UInt8], sequence: UInt64, row: [String]) {
        for piece in pieces {
            switch piece {
            case .bytes(let literal): bytes += literal
            case .sequence: Self.append(sequence, to: &bytes)
            case .random(let range): Self.append(.random(in: range), to: &bytes)
            case .column(let index): append(row[index], to: &bytes)
            }
        }
    }

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        let start = bytes.count
        var rest = number
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    private func append(_ value: String, to bytes: inout [UInt8]) {
        guard place == .path else {
            bytes += value.utf8
            return
        }
        // RFC 3986 §2.3: what stands for itself anywhere.
        let encoded = PercentCoding.encode(value) {
            Self.isNameByte($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "~")
        }
        bytes += encoded.utf8
    }
}
