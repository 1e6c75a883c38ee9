import CApus

/// Reads files that options name.
package nonisolated enum FileBytes {
    private static let pieceCount = 64 * 1024
    private static let maxFileCount = 1 << 30

    static func readStandardInput(_ option: String) throws(LoadOptionsError) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            var count = 0
            bytes += [UInt8](unsafeUninitializedCapacity: pieceCount) { piece, initializedCount in
                count = capus_read(0, piece.baseAddress!, pieceCount)
                initializedCount = max(0, count)
            }
            if count < 0 { throw failure(option, "standard input", -count) }
            if count == 0 { return bytes }
        }
    }

    /// The size is not known before: the room grows until the file does not fill it.
    package static func read(_ path: String, _ option: String) throws(LoadOptionsError) -> [UInt8] {
        var capacity = pieceCount
        while capacity <= maxFileCount {
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initializedCount in
                count = capus_read_file(path, buffer.baseAddress!, capacity)
                initializedCount = max(0, count)
            }
            if count < 0 { throw failure(option, path, -count) }
            if count < capacity { return bytes }
            capacity *= 8
        }
        throw LoadOptionsError(option, "\(path) is larger than 1 GiB")
    }

    private static func failure(_ option: String, _ name: String, _ code: Int) -> LoadOptionsError {
        LoadOptionsError(option, "cannot read \(name): \(String(cString: capus_error_text(Int32(code))))")
    }
}
