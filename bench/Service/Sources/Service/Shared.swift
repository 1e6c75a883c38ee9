import Apus

/// What the processes of one start of the service share. A reload keeps it, the next start begins anew: `life` tells
/// the starts apart.
final class Shared {
    let life = SharedCounter("life")
    let hits = SharedCounter("hits")
    /// Rows of which the columns say the same, and rows that come and go.
    let rows = SharedTable(
        "rows", rows: 256, columns: [.integer("number"), .bytes("text", capacity: 2000), .integer("again")])

    init() { life.store(Int.random(in: 1...1 << 50)) }

    /// Writes a row whose columns belong together.
    func write(_ key: String, _ number: Int64) throws {
        let text = String(repeating: "\(number) ", count: 40)
        try rows.set(key, ["number": .integer(number), "text": .text(text), "again": .integer(number)])
    }

    /// What is wrong with a row; nil for nothing.
    func fault(_ row: SharedRow) -> String? {
        guard let number = row.integer("number"), let text = row.text("text"), number == row.integer("again"),
            text == String(repeating: "\(number) ", count: 40)
        else {
            return
                "row \(row.key): \(row.integer("number") ?? -1) \(row.integer("again") ?? -1) \(row.text("text") ?? "")"
        }
        return nil
    }
}
