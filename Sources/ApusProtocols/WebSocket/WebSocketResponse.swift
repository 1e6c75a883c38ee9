/// The head of a server's answer to a client that wants a WebSocket.
public struct WebSocketResponse: Sendable, Hashable {
    /// A line of the head.
    public struct Field: Sendable, Hashable {
        /// As the server wrote it.
        public let name: String
        /// Without blanks around it.
        public let value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// 101 where a WebSocket was opened.
    public let status: Int
    /// What stands behind the status; may be empty.
    public let reason: String
    /// In the order they were sent.
    public let fields: [Field]

    package init(status: Int, reason: String, fields: [Field]) {
        self.status = status
        self.reason = reason
        self.fields = fields
    }

    /// The value of a field; values of a repeated field are joined by ", " (RFC 9110 §5.3). Names are
    /// case-insensitive.
    public subscript(name: String) -> String? {
        let wanted = name.lowercased()
        let values = fields.filter { $0.name.lowercased() == wanted }.map(\.value)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    /// Status, reason, and where a redirect leads to, as an error's line has them.
    var line: String {
        let words = reason.isEmpty ? "\(status)" : "\(status) \(reason.prefix(200))"
        guard (300..<400).contains(status), let location = self["location"] else { return words }
        return "\(words), location \(location.prefix(200))"
    }
}
