import ApusProtocols

/// What a command asks the master for, over the control socket: a few words.
nonisolated enum ControlRequest: Hashable {
    case status
    case statusJSON
    /// For a terminal of so many columns; 0 for any number.
    case liveStatus(width: Int)
    case connections(isJSON: Bool)

    /// Nil for what is none.
    init?(_ text: String) {
        let words = text.split(atASCII: " ")
        switch (words.first, words.dropFirst().first) {
        case ("status", "json"): self = .statusJSON
        case ("status", "live"):
            self = .liveStatus(width: words.count > 2 ? Int(words[2]).map { max(0, $0) } ?? 0 : 0)
        case ("status", _): self = .status
        case ("connections", let form): self = .connections(isJSON: form == "json")
        default: return nil
        }
    }

    /// As it is sent.
    var text: String {
        switch self {
        case .status: "status"
        case .statusJSON: "status json"
        case .liveStatus(let width): "status live \(width)"
        case .connections(let isJSON): isJSON ? "connections json" : "connections"
        }
    }
}
