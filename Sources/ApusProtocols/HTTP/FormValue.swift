/// A field of a form whose names say how fields belong together: `a=1`, `a[]=1`, `a[key]=1`, `a[key][]=1`.
public enum FormValue: Sendable, Equatable {
    /// The value of one field.
    case string(String)
    /// Fields named `a[]`, or `a[0]`, `a[1]` … in order.
    case array([FormValue])
    /// Fields named `a[key]`.
    case dictionary([String: FormValue])

    /// The text of one field; nil for several.
    public var stringValue: String? { if case .string(let text) = self { text } else { nil } }

    /// What stands at a place of an array; nil when there is nothing, or this is none.
    public subscript(index: Int) -> FormValue? {
        guard case .array(let values) = self, values.indices.contains(index) else { return nil }
        return values[index]
    }

    /// What stands under the key of a dictionary; nil when there is nothing, or this is none.
    public subscript(key: String) -> FormValue? {
        guard case .dictionary(let values) = self else { return nil }
        return values[key]
    }
}
