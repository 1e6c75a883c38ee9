/// One event of a stream of server-sent events (WHATWG HTML §9.2.5). Everything is optional.
public struct ServerSentEvent: Sendable, Hashable {
    /// What the client's handler gets; it may have several lines.
    public var data: String?
    /// The kind of event; "message" for the client when nil.
    public var event: String?
    /// What the client names when it connects again, as `Last-Event-ID`.
    public var id: String?
    /// Milliseconds until the client connects again.
    public var retry: Int?
    /// A remark that clients ignore.
    public var comment: String?

    /// An event with data.
    public init(
        _ data: String? = nil, event: String? = nil, id: String? = nil, retry: Int? = nil, comment: String? = nil
    ) {
        self.data = data
        self.event = event
        self.id = id
        self.retry = retry
        self.comment = comment
    }

    /// The event as it is sent. Line ends in `event` and `id` are left out, since they would begin another field, and
    /// so is NUL in `id`, which clients would ignore for it.
    public var text: String {
        var text = ""
        if let comment { for line in Self.lines(comment) { text += ": \(line)\n" } }
        if let event { text += "event: \(Self.oneLine(event))\n" }
        if let id { text += "id: \(Self.oneLine(id).filter { $0 != "\0" })\n" }
        if let retry { text += "retry: \(max(0, retry))\n" }
        if let data { for line in Self.lines(data) { text += "data: \(line)\n" } }
        return text + "\n"
    }

    /// Lines end in LF, CR or both.
    private static func lines(_ text: String) -> [Substring] {
        var lines: [Substring] = []
        var rest = text.unicodeScalars[...]
        while let end = rest.firstIndex(where: { $0 == "\n" || $0 == "\r" }) {
            lines.append(Substring(rest[..<end]))
            let isPair = rest[end] == "\r" && rest[end...].dropFirst().first == "\n"
            rest = rest[end...].dropFirst(isPair ? 2 : 1)
        }
        return lines + [Substring(rest)]
    }

    private static func oneLine(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.filter { $0 != "\n" && $0 != "\r" }))
    }
}
