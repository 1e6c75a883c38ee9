/// A piece of code between braces, with what stands before it.
struct CodeBlock {
    /// Of the code before the opening brace, what belongs to the block: "final class Master: Base".
    let header: String
    /// Lines from 1.
    let headerLine: Int
    let lastLine: Int
    /// The blocks around it, from the outermost.
    let outer: [String]
}

extension SourceFile {
    /// Every block, in the order of the closing braces.
    var blocks: [CodeBlock] {
        var found: [CodeBlock] = []
        var open: [(header: String, line: Int)] = []
        var pending = ""
        var pendingLine = 1
        var parentheses = 0
        var isDirective = false
        for (index, line) in code.enumerated() {
            let continues = isDirective && code[index - 1].hasSuffix("\\")
            isDirective = language == .c && (continues || line.drop { $0 == " " }.hasPrefix("#"))
            if isDirective { continue }
            for character in line {
                switch character {
                case "(": parentheses += 1
                case ")": parentheses -= 1
                case "{":
                    open.append((pending.trimmed, pendingLine))
                    pending = ""
                    continue
                case "}":
                    if let last = open.popLast() {
                        found.append(
                            CodeBlock(
                                header: last.header, headerLine: last.line, lastLine: index + 1, outer: open.map(\.header)))
                    }
                    pending = ""
                    continue
                case ";" where parentheses == 0:
                    pending = ""
                    continue
                default: break
                }
                if pending.isEmpty, character == " " { continue }
                if pending.isEmpty { pendingLine = index + 1 }
                pending.append(character)
            }
            if language == .swift, endsStatement(index) { pending = "" } else if !pending.isEmpty { pending.append(" ") }
        }
        return found
    }

    /// Whether what stands on the line does not go on in the next. Only declarations matter here: their signature goes
    /// on while the next line starts with a closing parenthesis, `where`, `->` or the opening brace.
    private func endsStatement(_ index: Int) -> Bool {
        let line = code[index].trimmed
        guard let last = line.last else { return false }
        if "(,:=&|+-<>?".contains(last) || line.hasSuffix("->") { return false }
        if line.hasPrefix("@"), !line.contains(" ") || line.hasSuffix(")") { return false }
        let next = index + 1 < code.count ? code[index + 1].trimmed : ""
        let goesOn = [")", "where ", "->", "{", "async", "throws", "rethrows", "&&", "||", "?", ":", ".", "+"]
        return !goesOn.contains { next.hasPrefix($0) }
    }

    /// Functions of Swift and C: name, first and last line.
    var functions: [(name: String, first: Int, last: Int)] {
        blocks.compactMap { block in
            let name = language == .swift ? swiftFunctionName(block) : cFunctionName(block)
            return name.map { ($0, block.headerLine, block.lastLine) }
        }
    }

    private func swiftFunctionName(_ block: CodeBlock) -> String? {
        let words = block.header.split { !($0.isLetter || $0.isNumber || "_.`@".contains($0)) }.map(String.init)
        let modifiers: Set = [
            "public", "package", "internal", "private", "fileprivate", "open", "static", "class", "final", "override", "mutating",
            "nonmutating", "convenience", "required", "nonisolated", "isolated", "indirect", "unsafe", "prefix", "postfix", "infix",
            "borrowing", "consuming", "distributed", "dynamic", "optional", "lazy", "inline", "__always", "never",
        ]
        for (index, word) in words.enumerated() {
            switch word {
            case "func": return index + 1 < words.count ? words[index + 1] : "func"
            case "init", "subscript", "deinit": return word
            default: if !modifiers.contains(word), !word.hasPrefix("@"), !block.header.hasPrefix("@") { return nil }
            }
        }
        return nil
    }

    private func cFunctionName(_ block: CodeBlock) -> String? {
        let inSomething = block.outer.contains { !$0.isEmpty && !$0.hasPrefix("extern") }
        guard !inSomething, block.header.contains("("), !block.header.contains("=") else { return nil }
        return block.header.prefix { $0 != "(" }.split { " *".contains($0) }.last.map(String.init)
    }
}

extension StringProtocol {
    /// Without blanks around.
    var trimmed: String {
        var rest = self[...]
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }

    /// Names and keywords in it, in order.
    var words: [Substring] {
        String(self)[...].split { !($0.isLetter || $0.isNumber || $0 == "_") }
    }
}
