/// Rows of values that requests are filled with, one row for each request, in their order and over and over.
public nonisolated struct LoadData: Sendable, Hashable {
    /// The names that a request calls the values by, as in `{{name}}`.
    public let columns: [String]
    /// The rows; each has a value for each column.
    public let rows: [[String]]

    /// Reads comma-separated values whose first line has the names (RFC 4180). Throws when a row has more or fewer
    /// values than there are names, when there is none, and when a quote is left open.
    public init(csv: String) throws(LoadOptionsError) {
        var records = try Self.records(csv)
        guard !records.isEmpty else { throw Self.invalid("it is empty") }
        columns = records.removeFirst()
        for name in columns {
            guard Template.isName(name) else {
                throw Self.invalid("\"\(name)\" in its first line is no name of letters, digits, - and _")
            }
            guard !Template.reservedNames.contains(name) else {
                throw Self.invalid("\(name) has a meaning of its own, and cannot be the name of a column")
            }
        }
        for (index, record) in records.enumerated() where record.count != columns.count {
            throw Self.invalid("row \(index + 1) has \(record.count) values for \(columns.count) columns")
        }
        guard !records.isEmpty else { throw Self.invalid("there is no row below the names") }
        rows = records
    }

    /// Reads a file of comma-separated values.
    public static func read(_ path: String) throws(LoadOptionsError) -> LoadData {
        guard let text = String(validating: try FileBytes.read(path, "--data"), as: UTF8.self) else {
            throw invalid("\(path) is no UTF-8")
        }
        return try LoadData(csv: text)
    }

    init(columns: [String], rows: [[String]]) {
        self.columns = columns
        self.rows = rows
    }

    private static func invalid(_ reason: String) -> LoadOptionsError { LoadOptionsError("--data", reason) }

    private static func records(_ text: String) throws(LoadOptionsError) -> [[String]] {
        var records: [[String]] = []
        var record: [String] = []
        var value: [UInt8] = []
        var isQuoted = false
        var wasQuoted = false
        let bytes = Array(text.utf8)
        var i = 0
        func endValue() {
            record.append(String(decoding: value, as: UTF8.self))
            value = []
            wasQuoted = false
        }
        func endRecord() {
            // An empty line, as at the end of most files.
            if record.isEmpty, value.isEmpty, !wasQuoted { return }
            endValue()
            records.append(record)
            record = []
        }
        while i < bytes.count {
            let byte = bytes[i]
            let next = i + 1 < bytes.count ? bytes[i + 1] : 0
            switch byte {
            case UInt8(ascii: "\"") where isQuoted && next == byte:
                value.append(byte)
                i += 1
            case UInt8(ascii: "\"") where isQuoted || (value.isEmpty && !wasQuoted):
                isQuoted.toggle()
                wasQuoted = true
            case UInt8(ascii: ",") where !isQuoted: endValue()
            case 0x0D where !isQuoted && next == 0x0A: break
            case 0x0A where !isQuoted: endRecord()
            default: value.append(byte)
            }
            i += 1
        }
        guard !isQuoted else { throw invalid("a quote is left open") }
        endRecord()
        return records
    }
}
