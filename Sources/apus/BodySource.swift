import ArgumentParser
import CApus

/// Where `--body` takes its bytes from.
nonisolated enum BodySource {
    private static let pieceCount = 64 * 1024
    private static let maxFileCount = 1 << 30

    /// `-` is standard input, `@FILE` a file, anything else the text itself.
    static func read(_ source: String) throws -> [UInt8] {
        if source == "-" { return try readStandardInput() }
        if source.hasPrefix("@") { return try readFile(String(source.dropFirst())) }
        return Array(source.utf8)
    }

    private static func readStandardInput() throws -> [UInt8] {
        var bytes: [UInt8] = []
        try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: pieceCount) { piece in
            while true {
                let count = capus_read(0, piece.baseAddress!, piece.count)
                guard count >= 0 else { throw failure("standard input", -count) }
                if count == 0 { return }
                bytes.append(contentsOf: piece[..<count])
            }
        }
        return bytes
    }

    /// The size is not known before: the room grows until the file does not fill it.
    private static func readFile(_ path: String) throws -> [UInt8] {
        var capacity = pieceCount
        while capacity <= maxFileCount {
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initializedCount in
                count = capus_read_file(path, buffer.baseAddress!, capacity)
                initializedCount = max(0, count)
            }
            guard count >= 0 else { throw failure(path, -count) }
            if count < capacity { return bytes }
            capacity *= 8
        }
        throw ValidationError("--body @\(path): the file is larger than 1 GiB")
    }

    private static func failure(_ name: String, _ code: Int) -> ValidationError {
        ValidationError("--body: cannot read \(name): \(String(cString: capus_error_text(Int32(code))))")
    }
}
