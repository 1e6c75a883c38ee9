import ApusProtocols
import CApus

/// One header field of the requests.
public nonisolated struct HeaderField: Sendable, Hashable {
    /// The name as it is sent.
    public let name: String
    /// The value, without blanks around it.
    public let value: String

    /// Makes a field; throws when name or value could not stand in a request (RFC 9110 §5.1, §5.5).
    public init(name: String, value: String) throws(LoadOptionsError) {
        guard !name.isEmpty, name.utf8.allSatisfy({ capus_is_token($0) != 0 }) else {
            throw LoadOptionsError("-H", "\"\(name)\" is no name of a header field")
        }
        guard value.utf8.allSatisfy({ $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }) else {
            throw LoadOptionsError("-H", "the value of \(name) holds a control character")
        }
        self.name = name
        self.value = value
    }

    /// Reads `Name: value`.
    public init(_ line: String) throws(LoadOptionsError) {
        guard let colon = line.firstIndex(ofASCII: ":") else {
            throw LoadOptionsError("-H", "\"\(line)\" is not of the form 'Name: value'")
        }
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        var value = line.behind(colon).drop(while: isBlank)
        while let last = value.last, isBlank(last) { value.removeLast() }
        try self.init(name: String(line[..<colon]), value: String(value))
    }

    /// It says how long the body is, which is not the user's to say.
    var isFraming: Bool { isNamed("content-length") || isNamed("transfer-encoding") }

    /// Whether this is the field `name`, which is in lower case.
    func isNamed(_ name: String) -> Bool { self.name.lowercased() == name }
}
