import Apus
import CApus

/// Tells on standard error how far a run has come: on a terminal with a few lines that are redrawn in place some times
/// a second, elsewhere with a line now and then.
public nonisolated struct ProgressDisplay {
    private static let output: Int32 = 2
    private static let redrawInterval: Int64 = 250_000_000
    private static let usualWidth = 80

    private var view: LiveView?
    private var log: ProgressLog?
    private var region = TerminalRegion()
    private var nextRedraw: Int64 = redrawInterval
    private var last = LoadProgress()

    /// Nothing is told when `isQuiet`.
    public init(for options: LoadOptions, isQuiet: Bool = false) {
        guard !isQuiet else { return }
        if capus_is_terminal(Self.output), !Self.isDumb {
            view = LiveView(for: options)
        } else {
            log = ProgressLog(for: options)
        }
    }

    /// A terminal on which the cursor goes nowhere but on.
    private static var isDumb: Bool { capus_environment("TERM").map { String(cString: $0) == "dumb" } ?? false }

    /// Tells what is due.
    public mutating func update(_ progress: LoadProgress) {
        if let line = log?.take(progress) { write(line + "\n") }
        guard view != nil else { return }
        view?.take(progress)
        // The measurement, or another step, has begun.
        if progress.elapsed < last.elapsed { nextRedraw = 0 }
        last = progress
        guard progress.elapsed >= nextRedraw else { return }
        redraw()
        nextRedraw = progress.elapsed - progress.elapsed % Self.redrawInterval + Self.redrawInterval
    }

    /// Removes what is redrawn, so that what follows starts on a clean line.
    public mutating func erase() { Terminal.write(region.erase(columns: Self.width), to: Self.output) }

    private mutating func redraw() {
        guard let view, capus_has_room(Self.output) else { return }
        let width = Self.width
        // Terminals differ in what follows a character in the last column.
        var lines = view.lines(width: width - 1)
        // What has left a terminal at its top cannot be replaced.
        let height = Int(capus_terminal_height(Self.output))
        if height > 1 { lines = Array(lines.prefix(height - 1)) }
        write(region.redraw(lines, columns: width))
    }

    private static var width: Int {
        let width = Int(capus_terminal_width(output))
        return width > 0 ? width : usualWidth
    }

    /// A terminal that is halted, or a reader who takes a break, does not halt the load.
    private func write(_ text: String) {
        var text = text
        text.withUTF8 { _ = capus_write_now(Self.output, $0.baseAddress!, $0.count) }
    }
}
