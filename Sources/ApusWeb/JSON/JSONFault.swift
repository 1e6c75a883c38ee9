/// What a client is told about JSON that could not be decoded.
enum JSONFault {
    static func text(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, let context):
            "JSON: \(place(context.codingPath + [key])) is missing"
        case DecodingError.valueNotFound(let type, let context):
            "JSON: \(place(context.codingPath)) is null instead of \(name(type))"
        case DecodingError.typeMismatch(let type, let context):
            "JSON: \(place(context.codingPath)) is not \(name(type))"
        case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
            "JSON: \(place(context.codingPath)) is not valid"
        default: "the JSON cannot be read"
        }
    }

    /// `users[2].name`
    private static func place(_ path: [any CodingKey]) -> String {
        var text = ""
        for key in path {
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += text.isEmpty ? key.stringValue : ".\(key.stringValue)"
            }
        }
        return text.isEmpty ? "the body" : text
    }

    /// Names of types are the server's own affair, but for those that JSON has.
    private static func name(_ type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a string"
        case is Bool.Type: "true or false"
        case is any BinaryInteger.Type: "an integer"
        case is any BinaryFloatingPoint.Type: "a number"
        case is [Any].Type: "an array"
        case is [String: Any].Type: "an object"
        default: "what it should be"
        }
    }
}
