import ApusProtocols

/// One or more fields of a form; see `FormFields.nested`.
public typealias FormValue = ApusProtocols.FormValue

/// The fields of a query or form, in the order they were sent, decoded when they are asked for.
///
/// Those of queries and urlencoded forms are percent-decoded, with `+` as a blank; a `%` that begins no escape stands
/// for itself, and what is no UTF-8 is replaced. Where fields share a name the last one counts; `all` has the others.
public nonisolated struct FormFields: Sequence {
    enum Source {
        /// Bytes of the request, coded as queries are.
        case encoded(Range<Int>)
        case parts([MultipartPart])
    }

    let owner: HTTPRequest
    let source: Source

    /// The value of the last field of that name; nil when there is none.
    public subscript(name: String) -> String? {
        var found: FormField?
        var fields = FieldIterator(self)
        while let field = fields.next() {
            if field.isNamed(name) { found = field }
        }
        return found?.value
    }

    /// The values of all fields called `name` or `name[]`.
    public func all(_ name: String) -> [String] {
        let listName = name + "[]"
        var values: [String] = []
        var fields = FieldIterator(self)
        while let field = fields.next() {
            if field.isNamed(name) || field.isNamed(listName) { values.append(field.value) }
        }
        return values
    }

    /// The value of the last field of that name as a number or another type; nil when there is none, or it is no such
    /// value.
    public func get<T: LosslessStringConvertible>(_ name: String, as type: T.Type = T.self) -> T? {
        self[name].flatMap(T.init)
    }

    /// The same, for a field that has to be there: without it, the request is answered 400.
    public func require<T: LosslessStringConvertible>(
        _ name: String, as type: T.Type = T.self
    ) throws(HTTPError) -> T {
        guard let text = self[name] else { throw HTTPError(.badRequest, "\(name) is missing") }
        guard let value = T(text) else { throw HTTPError(.badRequest, "\(name) is not valid") }
        return value
    }

    /// The fields put together by the brackets in their names, as PHP does: `a[]=1&a[]=2` is an array, `a[k]=1` a
    /// dictionary. At most `FormOptions.maxFields` of them, which make at most four times as many arrays and
    /// dictionaries: a field that would need more is left out.
    public var nested: [String: FormValue] {
        var nesting = FormNesting(maxContainers: 4 * Swift.min(owner.formOptions.maxFields, .max / 4))
        for (name, value) in prefix(owner.formOptions.maxFields) { nesting.add(name, value) }
        return nesting.values
    }

    /// Whether there are no fields.
    public var isEmpty: Bool {
        var fields = FieldIterator(self)
        return fields.next() == nil
    }

    public func makeIterator() -> Iterator { Iterator(fields: FieldIterator(self)) }

    /// Goes through the fields, in the order they were sent.
    public struct Iterator: IteratorProtocol {
        fileprivate var fields: FieldIterator

        public mutating func next() -> (name: String, value: String)? { fields.next().map { ($0.name, $0.value) } }
    }
}

/// One field, not decoded yet.
private nonisolated struct FormField {
    enum Name {
        case encoded(Range<Int>)
        case decoded(String)
    }

    let owner: HTTPRequest
    let nameSource: Name
    let valueRange: Range<Int>

    func isNamed(_ other: String) -> Bool {
        switch nameSource {
        case .encoded(let range): PercentCoding.matches(owner.slice(range), other, plusIsBlank: true)
        case .decoded(let name): name == other
        }
    }

    var name: String {
        switch nameSource {
        case .encoded(let range): PercentCoding.decode(owner.slice(range), plusIsBlank: true)
        case .decoded(let name): name
        }
    }

    var value: String {
        let bytes = owner.slice(valueRange)
        return if case .encoded = nameSource {
            PercentCoding.decode(bytes, plusIsBlank: true)
        } else {
            String(decoding: bytes, as: UTF8.self)
        }
    }
}

private nonisolated struct FieldIterator {
    private let fields: FormFields
    private var position = 0

    init(_ fields: FormFields) { self.fields = fields }

    mutating func next() -> FormField? {
        switch fields.source {
        case .encoded(let range):
            var scanner = URLEncodedScanner(fields.owner.slice(range), from: position)
            guard let field = scanner.next() else { return nil }
            position = scanner.position
            return FormField(
                owner: fields.owner, nameSource: .encoded(field.name.moved(by: range.lowerBound)),
                valueRange: field.value.moved(by: range.lowerBound))
        case .parts(let parts):
            while position < parts.count {
                let part = parts[position]
                position += 1
                guard part.fileName == nil else { continue }
                return FormField(owner: fields.owner, nameSource: .decoded(part.name), valueRange: part.content)
            }
            return nil
        }
    }
}

extension Range<Int> {
    /// The same range, counted from elsewhere.
    nonisolated func moved(by distance: Int) -> Range<Int> { (lowerBound + distance)..<(upperBound + distance) }
}
