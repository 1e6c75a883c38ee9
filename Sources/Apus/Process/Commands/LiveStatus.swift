import ApusProtocols
import CApus

/// `status -d`: the table again each second, in place, until Ctrl-C.
enum LiveStatus {
    private static let clearScreen = "\u{1B}[2J"
    private static let home = "\u{1B}[H"
    private static let clearLine = "\u{1B}[K"
    private static let clearBelow = "\u{1B}[J"
    private static let footer = "Press Ctrl+C to quit."

    static func run() -> Int32 {
        let signals = capus_signals_open([Int32(CAPUS_SIGINT), Int32(CAPUS_SIGTERM), Int32(CAPUS_SIGHUP)], 3)
        var isFirst = true
        while true {
            guard let text = OperatorCommand.ask(.liveStatus(width: Terminal.width ?? 0)) else { return 1 }
            draw(text, isFirst: isFirst)
            isFirst = false
            var isReadable = false
            if capus_wait_readable([signals], &isReadable, 1, 1000) > 0 {
                Terminal.write("")
                return 0
            }
        }
    }

    /// Each line replaces the one that stood there, so that nothing flickers.
    private static func draw(_ text: String, isFirst: Bool) {
        let lines = text.split(atASCII: "\n", omittingEmptySubsequences: false).map(String.init) + ["", footer]
        let body = lines.map { $0 + clearLine }.joined(separator: "\r\n")
        Terminal.write(raw: (isFirst ? clearScreen : "") + home + body + clearBelow)
    }
}
