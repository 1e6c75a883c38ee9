/// Numbers that servers answer with.
nonisolated enum GlobalDataNumber {
    /// A number without its fraction. Throws for what is none, or larger than an `Int`.
    static func integer(_ text: String) throws(ClusterError) -> Int {
        guard let number = Int(text) ?? Double(text).flatMap({ Int(exactly: $0.rounded(.towardZero)) }) else {
            throw .invalidAnswer(String(text.prefix(80)))
        }
        return number
    }
}
