extension HTTPHeaders {
    /// Adds all fields of `other` behind these.
    public mutating func add(contentsOf other: HTTPHeaders) {
        for (name, value) in other.fields { add(name, value) }
    }

    /// The members of all fields of one name, as one list (RFC 9110 §5.3); nil when there is none.
    package func list(_ name: String) -> String? {
        let values = fields.filter { Self.same($0.name, name) }.map(\.value)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }
}
