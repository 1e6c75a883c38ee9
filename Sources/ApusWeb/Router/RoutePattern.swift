import ApusProtocols

/// A path with open parts: `/users/:id` leaves one segment open, `/files/*path` all that follow.
struct RoutePattern {
    enum Segment: Equatable {
        case literal([UInt8])
        case parameter
        case rest
    }

    /// As it was written.
    let text: String
    private(set) var segments: [Segment] = []
    /// The names of the open parts, in order.
    private(set) var names: [String] = []

    /// Nil, with the reason, for a text that is no pattern.
    init(_ text: String) throws(RoutePatternError) {
        self.text = text
        guard text.hasPrefix("/") else { throw RoutePatternError(text, "does not begin with a slash") }
        for segment in text.dropFirst().split(atASCII: "/", omittingEmptySubsequences: false) {
            guard segments.last != .rest else { throw RoutePatternError(text, "goes on behind a part that takes all") }
            switch segment.first {
            case ":": try add(.parameter, segment.dropFirst(), text)
            case "*": try add(.rest, segment.dropFirst(), text)
            default: segments.append(.literal(Array(segment.utf8)))
            }
        }
        // One slash at the end makes no difference.
        if segments.last == .literal([]) { segments.removeLast() }
        guard !segments.contains(.literal([])) else { throw RoutePatternError(text, "has an empty segment") }
    }

    private mutating func add(_ segment: Segment, _ name: Substring, _ text: String) throws(RoutePatternError) {
        guard !name.isEmpty else { throw RoutePatternError(text, "has a part without a name") }
        guard !names.contains(String(name)) else { throw RoutePatternError(text, "uses the name \(name) twice") }
        segments.append(segment)
        names.append(String(name))
    }
}

/// Why a text is no pattern of paths.
struct RoutePatternError: Error, CustomStringConvertible {
    let description: String

    init(_ text: String, _ reason: String) { description = "the path of a route, \"\(text)\", \(reason)" }
}
