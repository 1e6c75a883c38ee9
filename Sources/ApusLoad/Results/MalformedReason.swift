import ApusProtocols

/// Why bytes are not what the server was asked for.
package nonisolated enum MalformedReason: Sendable, Equatable {
    case response(HTTPResponseError)
    /// More came than was asked for.
    case surplus
    case frame
    case webSocketFrame

    private static let others: [MalformedReason] = [.surplus, .frame, .webSocketFrame]
    /// Numbers from here on are those of `others`.
    private static let firstOther = 100

    /// A number that stands for it in messages between processes; greater than 0.
    var code: Int {
        if case .response(let error) = self { return Int(error.rawValue) }
        return Self.firstOther + Self.others.firstIndex(of: self)!
    }

    init?(code: Int) {
        if Self.others.indices.contains(code - Self.firstOther) {
            self = Self.others[code - Self.firstOther]
        } else if let error = HTTPResponseError(rawValue: Int8(clamping: code)) {
            self = .response(error)
        } else {
            return nil
        }
    }

    /// For the report.
    package var text: String {
        switch self {
        case .response(let error): error.description
        case .surplus: "bytes behind the response"
        case .frame: "invalid length of a frame"
        case .webSocketFrame: "invalid WebSocket frame"
        }
    }
}
