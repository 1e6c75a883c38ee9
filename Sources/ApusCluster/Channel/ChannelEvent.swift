import ApusProtocols
import FoundationEssentials

/// What was published, or put into a queue.
public nonisolated struct ChannelEvent: Sendable {
    /// The name of the event, or of the queue.
    public let name: String
    /// The data, as JSON.
    public let json: [UInt8]

    /// The data as a value. Throws `DecodingError`.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(type, from: Data(json))
    }

    /// The data, when it is a string.
    public var text: String? {
        json.withUnsafeBytes { try? JSONScanner.string(in: $0, 0..<$0.count) }
    }
}

/// Values as the servers of a cluster keep them: JSON whose keys are sorted, so that equal values are equal bytes.
nonisolated enum ClusterValue {
    static func json(_ value: some Encodable) throws -> [UInt8] {
        if let text = value as? String {
            var bytes: [UInt8] = []
            JSONText.append(text, to: &bytes)
            return bytes
        }
        if let number = value as? Int { return Array(String(number).utf8) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }
}
