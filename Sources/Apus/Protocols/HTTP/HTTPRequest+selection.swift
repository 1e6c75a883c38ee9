import ApusProtocols

extension HTTPRequest {
    /// The header has fields that make the answer depend on the state of the representation: see `HTTPConditions`.
    package var isConditional: Bool {
        for index in 0..<parser.head.fieldCount {
            switch parser.fields[index].nameCount {
            case 5: if isField(index, "range") { return true }
            case 8: if isField(index, "if-match") { return true }
            case 13: if isField(index, "if-none-match") { return true }
            case 17: if isField(index, "if-modified-since") { return true }
            case 19: if isField(index, "if-unmodified-since") { return true }
            default: break
            }
        }
        return false
    }
}
