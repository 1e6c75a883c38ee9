extension HTTPHeaders {
    /// Adds all fields of `other` behind these.
    public mutating func add(contentsOf other: HTTPHeaders) {
        for (name, value) in other.fields { add(name, value) }
    }
}
