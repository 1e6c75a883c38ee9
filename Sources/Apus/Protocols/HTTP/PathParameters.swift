import ApusProtocols

/// The parts of a path that its route leaves open, such as `id` in `/users/:id`, percent-decoded.
public struct PathParameters {
    private let names: [String]
    private let values: [String]
    /// Bytes of the last one as it was sent.
    package let lastCount: Int

    init() {
        names = []
        values = []
        lastCount = 0
    }

    /// `values` are those of the path, as they were sent.
    package init(names: [String], values: [UnsafeRawBufferPointer]) {
        self.names = names
        lastCount = values.last?.count ?? 0
        self.values = values.map { PercentCoding.decode($0, plusIsBlank: false) }
    }

    /// All of them, in the order of the path.
    var all: Zip2Sequence<[String], [String]> { zip(names, values) }

    /// The value of a parameter; nil when the route has none of that name.
    public subscript(name: String) -> String? { names.firstIndex(of: name).map { values[$0] } }

    /// The value as a number or another type. What is no such value makes the answer 404: nothing has that path.
    public func require<T: LosslessStringConvertible>(
        _ name: String, as type: T.Type = T.self
    ) throws(HTTPError) -> T {
        guard let text = self[name], let value = T(text) else { throw HTTPError(.notFound) }
        return value
    }
}
