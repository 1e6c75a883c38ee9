import ApusProtocols

/// What a response has to be like; one that is not counts as an error.
public nonisolated struct LoadExpectation: Sendable, Hashable {
    /// Statuses that are right; all of them when there are none.
    public var statuses: [ClosedRange<UInt16>] = []
    /// Bytes that have to be somewhere in the body; nil for any body.
    public var body: [UInt8]?

    /// Any response is right.
    public init() {}

    var isAny: Bool { statuses.isEmpty && body == nil }

    func allows(_ status: UInt16) -> Bool { statuses.isEmpty || statuses.contains { $0.contains(status) } }

    /// Reads statuses as a command line has them: `200`, `2xx`, `200-204`, and several of these with commas.
    public static func statuses(_ text: String) throws(LoadOptionsError) -> [ClosedRange<UInt16>] {
        var ranges: [ClosedRange<UInt16>] = []
        for part in text.split(atASCII: ",", omittingEmptySubsequences: false) {
            guard let range = range(part) else {
                throw LoadOptionsError("--expect-status", "\"\(text)\" is not of the form 200, 2xx, 200-204 or 200,304")
            }
            ranges.append(range)
        }
        return ranges
    }

    private static func range(_ text: Substring) -> ClosedRange<UInt16>? {
        if text.count == 3, text.lowercased().hasSuffix("xx"), let digit = status("\(text.prefix(1))00") {
            return digit...(digit + 99)
        }
        let ends = text.split(atASCII: "-", omittingEmptySubsequences: false)
        guard let first = status(ends[0]) else { return nil }
        if ends.count == 1 { return first...first }
        guard ends.count == 2, let last = status(ends[1]), first <= last else { return nil }
        return first...last
    }

    private static func status(_ text: Substring) -> UInt16? {
        guard text.utf8.count == 3, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt16(text),
            (100...599).contains(number)
        else { return nil }
        return number
    }

    private static func status(_ text: String) -> UInt16? { status(text[...]) }
}
