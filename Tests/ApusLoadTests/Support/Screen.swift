/// What a terminal without a limit to its height shows, from as much of ECMA-48 as the progress of a load uses.
struct Screen {
    private struct Row {
        var cells: [Unicode.Scalar] = []
        /// The next row goes on with the same line.
        var isWrapped = false
    }

    private var rows = [Row()]
    private var row = 0
    private var column = 0
    private var columns: Int
    private(set) var isCursorHidden = false
    /// What came and is not understood.
    private(set) var unknown: [String] = []

    init(columns: Int) { self.columns = columns }

    /// Its lines from the top, without blanks at their ends; those at its end that are empty do not count.
    var lines: [String] {
        var lines = rows.map { row -> String in
            var text = String(String.UnicodeScalarView(row.cells))
            while text.last == " " { text.removeLast() }
            return text
        }
        while lines.last == "" { lines.removeLast() }
        return lines
    }

    mutating func receive(_ text: String) {
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\r": column = 0
            case "\n": moveDown(isWrapped: false)
            case "\u{1B}":
                let end = rest.firstIndex { $0.properties.isAlphabetic } ?? rest.startIndex
                let sequence = String(rest[...end])
                rest = rest[rest.index(after: end)...]
                obey(sequence)
            default: put(scalar)
            }
        }
    }

    private mutating func put(_ scalar: Unicode.Scalar) {
        if column == columns {
            moveDown(isWrapped: true)
            column = 0
        }
        while rows[row].cells.count <= column { rows[row].cells.append(" ") }
        rows[row].cells[column] = scalar
        column += 1
    }

    private mutating func moveDown(isWrapped: Bool) {
        rows[row].isWrapped = isWrapped
        row += 1
        if row == rows.count { rows.append(Row()) }
    }

    private mutating func obey(_ sequence: String) {
        switch sequence {
        case "[K":
            rows[row].cells.removeLast(max(0, rows[row].cells.count - column))
            rows[row].isWrapped = false
        case "[J":
            rows[row].cells.removeLast(max(0, rows[row].cells.count - column))
            rows.removeLast(rows.count - row - 1)
        case "[?25l": isCursorHidden = true
        case "[?25h": isCursorHidden = false
        case "[A": row = max(0, row - 1)
        case _ where sequence.hasSuffix("A") && Int(sequence.dropFirst().dropLast()) != nil:
            row = max(0, row - (Int(sequence.dropFirst().dropLast()) ?? 0))
        default: unknown.append(sequence)
        }
    }

    /// Becomes wider or narrower, and wraps its lines anew as most terminals do. The cursor is at the start of a line.
    mutating func resize(columns: Int) {
        var lines: [[Unicode.Scalar]] = []
        var goesOn = false
        var cursorLine = 0
        for (index, row) in rows.enumerated() {
            if goesOn { lines[lines.count - 1] += row.cells } else { lines.append(row.cells) }
            goesOn = row.isWrapped
            if index == self.row { cursorLine = lines.count - 1 }
        }
        rows = []
        for (index, line) in lines.enumerated() {
            if index == cursorLine { row = rows.count }
            var rest = line[...]
            repeat {
                let isWrapped = rest.count > columns
                rows.append(Row(cells: Array(rest.prefix(columns)), isWrapped: isWrapped))
                rest = rest.dropFirst(columns)
            } while !rest.isEmpty
        }
        self.columns = columns
    }
}
