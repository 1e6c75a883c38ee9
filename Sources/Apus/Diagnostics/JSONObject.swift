/// Writes one JSON object (RFC 8259), key by key.
package nonisolated struct JSONObject {
    private var members: [String] = []
    private let indentation: String

    /// The indentation is that of the line on which the object starts.
    package init(indentation: String = "") { self.indentation = indentation }

    package mutating func add(_ key: String, _ value: UInt64) { members.append("\(Self.quoted(key)): \(value)") }
    package mutating func add(_ key: String, _ value: Int) { members.append("\(Self.quoted(key)): \(value)") }
    package mutating func add(_ key: String, _ value: Bool) { members.append("\(Self.quoted(key)): \(value)") }
    package mutating func add(_ key: String, _ value: String) {
        members.append("\(Self.quoted(key)): \(Self.quoted(value))")
    }

    /// A value that is JSON already.
    package mutating func add(_ key: String, json: String) { members.append("\(Self.quoted(key)): \(json)") }

    /// An object inside this one.
    package mutating func add(_ key: String, _ build: (inout JSONObject) -> Void) {
        var object = JSONObject(indentation: indentation + "  ")
        build(&object)
        members.append("\(Self.quoted(key)): \(object.text)")
    }

    /// A list of objects.
    package mutating func add(_ key: String, _ objects: [JSONObject]) {
        let inner = objects.map { "\n\(indentation)    \($0.line)" }.joined(separator: ",")
        members.append("\(Self.quoted(key)): [\(inner)\(objects.isEmpty ? "" : "\n\(indentation)  ")]")
    }

    /// The object on one line.
    package var line: String { "{\(members.joined(separator: ", "))}" }

    package var text: String {
        guard !members.isEmpty else { return "{}" }
        let lines = members.map { "\(indentation)  \($0)" }.joined(separator: ",\n")
        return "{\n\(lines)\n\(indentation)}"
    }

    /// A text as JSON has it.
    package static func quoted(_ text: String) -> String {
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
