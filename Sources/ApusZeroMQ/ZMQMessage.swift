/// A message of one part or more. All parts arrive, or none does.
public struct ZMQMessage: Sendable, Hashable {
    /// The parts; any bytes each.
    public var parts: [[UInt8]]

    /// A message of these parts.
    public init(parts: [[UInt8]]) { self.parts = parts }

    /// A message of one part.
    public init(_ bytes: [UInt8]) { parts = [bytes] }

    /// A message of parts that are text, in UTF-8.
    public init(_ texts: String...) { parts = texts.map { Array($0.utf8) } }

    /// The bytes of the last part: behind identities and topics that is the message itself.
    public var body: [UInt8] { parts.last ?? [] }

    /// The last part as UTF-8; what is none of it is replaced.
    public var text: String { String(decoding: body, as: UTF8.self) }
}

extension ZMQMessage: CustomStringConvertible {
    /// The parts as text.
    public var description: String {
        parts.map { String(decoding: $0.prefix(100), as: UTF8.self).debugDescription }.joined(separator: ", ")
    }
}
