/// The headers of a STOMP frame in the order in which they stand there.
///
/// A name may stand there more than once: the first one counts, the others are history (STOMP 1.2, "Repeated Header
/// Entries").
public struct STOMPHeaders: Sendable, Hashable {
    /// A header: its name and its value, without escapes.
    public struct Field: Sendable, Hashable {
        /// The name; names are told apart by case.
        public var name: String
        /// The value.
        public var value: String

        /// A header of this name and value.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// All headers, repeated ones too.
    public private(set) var fields: [Field] = []

    /// No headers.
    public init() {}

    /// Whether there are none.
    public var isEmpty: Bool { fields.isEmpty }
    /// How many there are, repeated ones too.
    public var count: Int { fields.count }

    /// The value of the first header of this name. Setting it replaces all of them, nil removes them.
    public subscript(name: String) -> String? {
        get { fields.first { $0.name == name }?.value }
        set {
            let index = fields.firstIndex { $0.name == name }
            fields.removeAll { $0.name == name }
            guard let newValue else { return }
            fields.insert(Field(name: name, value: newValue), at: index ?? fields.count)
        }
    }

    /// Adds a header behind the others, also when one of that name is there.
    public mutating func append(_ name: String, _ value: String) { fields.append(Field(name: name, value: value)) }
}

extension STOMPHeaders: ExpressibleByDictionaryLiteral {
    /// The headers in the order in which they are written.
    public init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { append(name, value) }
    }
}

extension STOMPHeaders: CustomStringConvertible {
    /// `name:value` of each, with commas between.
    public var description: String { fields.map { "\($0.name):\($0.value)" }.joined(separator: ", ") }
}
