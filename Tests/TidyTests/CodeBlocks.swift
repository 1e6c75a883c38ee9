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
        var scanner = BlockScanner()
        for index in code.indices {
            let line = code[index]
            if language == .c, isDirective(index) { continue }
            scanner.scan(line, number: index + 1)
            if language == .swift { scanner.endLine(next: index + 1 < code.count ? code[index + 1] : "") }
        }
        return scanner.blocks
    }

    /// Whether the line is the preprocessor's, or goes on with one that is.
    private func isDirective(_ index: Int) -> Bool {
        if code[index].trimmed.hasPrefix("#") { return true }
        return index > 0 && code[index - 1].hasSuffix("\\") && isDirective(index - 1)
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
            "public", "package", "internal", "private", "fileprivate", "open", "static", "class", "final", "override",
            "mutating",
            "nonmutating", "convenience", "required", "nonisolated", "isolated", "indirect", "unsafe", "prefix",
            "postfix", "infix",
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

/// Finds blocks line by line.
private struct BlockScanner {
    private(set) var blocks: [CodeBlock] = []
    private var open: [(pending: String, line: Int, parentheses: Int)] = []
    /// What was read since the last statement or brace ended, and where it starts.
    private var pending = ""
    private var pendingLine = 1
    private var parentheses = 0

    mutating func scan(_ line: String, number: Int) {
        for character in line {
            switch character {
            case "{":
                open.append((pending, pendingLine, parentheses))
                parentheses = 0
                pending = ""
            case "}":
                guard let last = open.popLast() else { continue }
                blocks.append(
                    CodeBlock(
                        header: header(last), headerLine: last.line, lastLine: number, outer: open.map { header($0) }))
                // A closure among the arguments does not end the signature.
                pending = last.parentheses > 0 ? last.pending : ""
                pendingLine = last.line
                parentheses = last.parentheses
            case ";" where parentheses == 0: pending = ""
            case " " where pending.isEmpty: continue
            default:
                if character == "(" { parentheses += 1 }
                if character == ")" { parentheses -= 1 }
                if pending.isEmpty { pendingLine = number }
                pending.append(character)
            }
        }
        if !pending.isEmpty { pending.append(" ") }
    }

    /// What stands before a brace, unless it is one of a closure among arguments.
    private func header(_ open: (pending: String, line: Int, parentheses: Int)) -> String {
        open.parentheses > 0 ? "" : open.pending.trimmed
    }

    /// A Swift statement ends with its line, unless the signature of a declaration goes on.
    mutating func endLine(next: String) {
        let line = pending.trimmed
        let next = next.trimmed
        if parentheses > 0 || line.hasSuffix("->") || ",:=&".contains(line.last ?? " ") { return }
        if line.hasPrefix("@"), line.hasSuffix(")") || !line.contains(" ") { return }
        if ["where ", "->", "{", "async", "throws", "rethrows"].contains(where: next.hasPrefix) { return }
        pending = ""
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
