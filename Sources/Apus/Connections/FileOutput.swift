/// Output that is read from files while it leaves, and bytes between. What of the files is in memory is so for all who
/// are sent it.
final class FileOutput {
    enum Source {
        case bytes([UInt8])
        case file(OpenFile)
    }

    struct Part {
        let source: Source
        /// What of it has not left yet.
        var rest: Range<Int>
    }

    // Unsafe only for `deinit`, which closes the files at once when nobody else is left.
    nonisolated(unsafe) private var parts: [Part] = []
    private var next = 0
    /// Bytes that have not left yet.
    private(set) var count = 0

    init() {}
    nonisolated deinit {}

    func append(_ bytes: [UInt8]) { append(Part(source: .bytes(bytes), rest: 0..<bytes.count)) }

    func append(_ file: OpenFile, _ range: Range<Int>) {
        append(Part(source: file.kept.map(Source.bytes) ?? .file(file), rest: range))
    }

    private func append(_ part: Part) {
        guard !part.rest.isEmpty else { return }
        parts.append(part)
        count += part.rest.count
    }

    /// What leaves next; nil when all is out.
    var current: Part? { next < parts.count ? parts[next] : nil }

    /// Gives up what is left, and closes the files.
    func drop() {
        parts = []
        next = 0
        count = 0
    }

    /// `written` bytes of `current` have left.
    func advance(_ written: Int) {
        count -= written
        let rest = parts[next].rest
        parts[next].rest = (rest.lowerBound + written)..<rest.upperBound
        if rest.count == written { next += 1 }
    }
}
