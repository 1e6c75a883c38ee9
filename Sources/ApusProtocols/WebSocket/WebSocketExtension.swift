import CApus

/// A member of `Sec-WebSocket-Extensions` (RFC 6455 §9.1).
package struct WebSocketExtension: Sendable, Hashable {
    package struct Parameter: Sendable, Hashable {
        package var name: String
        /// Without its quotation marks; nil for a parameter that is a name alone.
        package var value: String?

        package init(_ name: String, _ value: String? = nil) {
            self.name = name
            self.value = value
        }
    }

    package var name: String
    package var parameters: [Parameter]

    package init(_ name: String, _ parameters: [Parameter] = []) {
        self.name = name
        self.parameters = parameters
    }

    /// The extensions of one field line; nil when it is malformed. Empty members do not count (RFC 9110 §5.6.1.2).
    package static func list(_ value: UnsafeRawBufferPointer) -> [WebSocketExtension]? {
        var reader = Reader(bytes: value)
        return reader.list()
    }
}

/// Reads the field. It is not `FieldParameters`, which wants a value for each parameter and takes much that is wrong.
private struct Reader {
    let bytes: UnsafeRawBufferPointer
    var position = 0

    mutating func list() -> [WebSocketExtension]? {
        var extensions: [WebSocketExtension] = []
        while true {
            skipBlanks()
            if position == bytes.count { return extensions }
            if take(UInt8(ascii: ",")) { continue }
            guard let name = token() else { return nil }
            var found = WebSocketExtension(name)
            skipBlanks()
            while take(UInt8(ascii: ";")) {
                guard let parameter = parameter() else { return nil }
                found.parameters.append(parameter)
                skipBlanks()
            }
            extensions.append(found)
            guard position == bytes.count || take(UInt8(ascii: ",")) else { return nil }
        }
    }

    /// RFC 9110 §5.6.6 allows no blanks around `=`.
    private mutating func parameter() -> WebSocketExtension.Parameter? {
        skipBlanks()
        guard let name = token() else { return nil }
        guard take(UInt8(ascii: "=")) else { return .init(name) }
        guard let value = take(UInt8(ascii: "\"")) ? quoted() : token() else { return nil }
        return .init(name, value)
    }

    private mutating func token() -> String? {
        let start = position
        while position < bytes.count, capus_is_token(bytes[position]) != 0 { position &+= 1 }
        return start == position ? nil : String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// What stands between quotation marks, without its escapes, must be a token as well (RFC 6455 §9.1).
    private mutating func quoted() -> String? {
        var value: [UInt8] = []
        while position < bytes.count, !take(UInt8(ascii: "\"")) {
            if take(UInt8(ascii: "\\")), position == bytes.count { return nil }
            guard capus_is_token(bytes[position]) != 0 else { return nil }
            value.append(bytes[position])
            position &+= 1
        }
        guard bytes[position &- 1] == UInt8(ascii: "\""), !value.isEmpty else { return nil }
        return String(decoding: value, as: UTF8.self)
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position &+= 1
        return true
    }

    private mutating func skipBlanks() {
        while position < bytes.count, isBlank(bytes[position]) { position &+= 1 }
    }
}
