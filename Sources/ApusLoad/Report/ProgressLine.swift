import CApus

/// One line on a terminal that tells how far a run has come, rewritten in place.
public nonisolated struct ProgressLine {
    private static let output: Int32 = 2
    private static let second: Int64 = 1_000_000_000

    private let isShown: Bool
    private let total: String
    private let requestTotal: Int?
    private var nextUpdate = second
    private var last = LoadProgress()
    private var isDrawn = false

    /// Nothing is shown when standard error is no terminal.
    public init(for options: LoadOptions, isQuiet: Bool = false) {
        isShown = !isQuiet && capus_is_terminal(Self.output)
        requestTotal = options.requests
        let duration = options.duration ?? (options.requests == nil ? .seconds(10) : nil)
        total = duration.map { "/" + Self.time($0.inNanoseconds, withFraction: true) } ?? ""
    }

    /// Rewrites the line when a second has passed since the last time.
    public mutating func update(_ progress: LoadProgress) {
        // Another step has begun.
        if progress.elapsed < last.elapsed { (nextUpdate, last) = (Self.second, LoadProgress()) }
        guard isShown, progress.elapsed >= nextUpdate else { return }
        Self.write("\r" + text(for: progress) + "\u{1B}[K")
        isDrawn = true
        last = progress
        nextUpdate = progress.elapsed - progress.elapsed % Self.second + Self.second
    }

    /// Removes the line, so that what follows starts on a clean one.
    public mutating func erase() {
        guard isDrawn else { return }
        Self.write("\r\u{1B}[K")
        isDrawn = false
    }

    /// The line without the control characters around it.
    package func text(for progress: LoadProgress) -> String {
        let span = Double(max(1, progress.elapsed - last.elapsed)) / 1e9
        let rate = NumberText.grouped(UInt64((Double(progress.requests - last.requests) / span).rounded()))
        var parts = [Self.time(progress.elapsed) + total]
        if let requestTotal {
            let total = NumberText.grouped(UInt64(requestTotal))
            parts.append("\(NumberText.grouped(progress.requests))/\(total) requests")
        }
        parts.append("\(rate) requests/s")
        parts.append("\(NumberText.grouped(progress.errors)) errors")
        return parts.joined(separator: "   ")
    }

    private static func time(_ nanoseconds: Int64, withFraction: Bool = false) -> String {
        let seconds = nanoseconds / second
        if withFraction, seconds < 60, nanoseconds % second != 0 {
            return NumberText.fixed(Double(nanoseconds) / 1e9, decimals: 1) + "s"
        }
        return seconds < 60 ? "\(seconds)s" : "\(seconds / 60)m\(seconds % 60 < 10 ? "0" : "")\(seconds % 60)s"
    }

    private static func write(_ text: String) {
        var text = text
        text.withUTF8 { _ = capus_write(output, $0.baseAddress!, $0.count) }
    }
}
