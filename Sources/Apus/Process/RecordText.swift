/// Records of words, as text: what the processes of a service hand to each other when one starts another. The first
/// word of a record says what it is.
nonisolated struct RecordText {
    private static let wordEnd: Character = "\u{1F}"
    private static let recordEnd: Character = "\u{1E}"

    private(set) var records: [[String]] = []

    init() {}

    init(_ text: String) {
        records = text.split(separator: Self.recordEnd).map {
            $0.split(separator: Self.wordEnd, omittingEmptySubsequences: false).map(String.init)
        }
    }

    mutating func add(_ words: String...) { records.append(words) }

    var text: String {
        records.map { $0.joined(separator: String(Self.wordEnd)) }.joined(separator: String(Self.recordEnd))
    }

    /// The words behind the name of the first record of that name.
    subscript(name: String) -> [String]? { records.first { $0.first == name }.map { Array($0.dropFirst()) } }

    /// The one word of a record.
    func word(_ name: String) -> String? { self[name]?.first }

    /// The one word of a record, as a number.
    func number<Number: FixedWidthInteger>(_ name: String) -> Number? { word(name).flatMap { Number($0) } }

    /// The words of all records of a name.
    func all(_ name: String) -> [[String]] { records.filter { $0.first == name }.map { Array($0.dropFirst()) } }
}
