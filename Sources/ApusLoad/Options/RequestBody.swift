import CApus

/// Reads the body of the requests from where a command line says it is.
public nonisolated enum RequestBody {
    private static let pieceCount = 64 * 1024
    private static let maxFileCount = 1 << 30

    /// `-` is standard input, read to its end; `@FILE` is a file; anything else is the body itself.
    public static func read(_ source: String) throws(LoadOptionsError) -> [UInt8] {
        if source == "-" { return try readStandardInput() }
        if source.hasPrefix("@") { return try readFile(String(source.dropFirst())) }
        return Array(source.utf8)
    }

    private static func readStandardInput() throws(LoadOptionsError) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            var count = 0
            bytes += [UInt8](unsafeUninitializedCapacity: pieceCount) { piece, initializedCount in
                count = capus_read(0, piece.baseAddress!, pieceCount)
                initializedCount = max(0, count)
            }
            if count < 0 { throw failure("standard input", -count) }
            if count == 0 { return bytes }
        }
    }

    /// The size is not known before: the room grows until the file does not fill it.
    private static func readFile(_ path: String) throws(LoadOptionsError) -> [UInt8] {
        var capacity = pieceCount
        while capacity <= maxFileCount {
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initializedCount in
                count = capus_read_file(path, buffer.baseAddress!, capacity)
                initializedCount = max(0, count)
            }
            if count < 0 { throw failure(path, -count) }
            if count < capacity { return bytes }
            capacity *= 8
        }
        throw LoadOptionsError("--body", "\(path) is larger than 1 GiB")
    }

    private static func failure(_ name: String, _ code: Int) -> LoadOptionsError {
        LoadOptionsError("--body", "cannot read \(name): \(String(cString: capus_error_text(Int32(code))))")
    }
}
