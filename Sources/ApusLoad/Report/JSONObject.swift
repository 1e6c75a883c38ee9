/// Writes one JSON object (RFC 8259), key by key.
nonisolated struct JSONObject {
    private var members: [String] = []
    private let indentation: String

    /// The indentation is that of the line on which the object starts.
    init(indentation: String = "") { self.indentation = indentation }

    mutating func add(_ key: String, _ value: UInt64) { members.append("\(Self.quoted(key)): \(value)") }
    mutating func add(_ key: String, _ value: Int) { members.append("\(Self.quoted(key)): \(value)") }
    mutating func add(_ key: String, _ value: Bool) { members.append("\(Self.quoted(key)): \(value)") }
    mutating func add(_ key: String, _ value: String) { members.append("\(Self.quoted(key)): \(Self.quoted(value))") }

    mutating func add(_ key: String, _ value: Double, decimals: Int) {
        members.append("\(Self.quoted(key)): \(NumberText.fixed(value, decimals: decimals))")
    }

    /// An object inside this one.
    mutating func add(_ key: String, _ build: (inout JSONObject) -> Void) {
        var object = JSONObject(indentation: indentation + "  ")
        build(&object)
        members.append("\(Self.quoted(key)): \(object.text)")
    }

    var text: String {
        guard !members.isEmpty else { return "{}" }
        let lines = members.map { "\(indentation)  \($0)" }.joined(separator: ",\n")
        return "{\n\(lines)\n\(indentation)}"
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
