import CMariaDB

/// Why a link to the server did not do what it was asked for.
nonisolated struct LinkFailure: Error {
    let error: any Error
    /// The link is of no use any more.
    var isLost = false
    /// The server has surely not executed the statement: it may be tried over another link.
    var isUnsent = false

    init(_ error: any Error, isLost: Bool = false, isUnsent: Bool = false) {
        self.error = error
        self.isLost = isLost
        self.isUnsent = isUnsent
    }

    /// The connection broke, rather than being ended by this side.
    var isConnectionLost: Bool {
        if case MySQLError.connectionLost = error { true } else { false }
    }

    /// The server's word for a packet that it does not take.
    private static let packetTooLarge: UInt32 = 1153

    /// Errors that the server sends before it closes the connection: shutdown, kill, idle for too long.
    private static let farewells: Set<UInt32> = [1053, 1079, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 4031]

    /// What libmariadb says of a statement.
    init(code: UInt32, state: String, message: String, sql: String) {
        switch code {
        case UInt32(CR_SERVER_GONE_ERROR), UInt32(CR_ERR_NET_WRITE):
            self.init(MySQLError.connectionLost(message, sql: sql), isLost: true, isUnsent: true)
        case UInt32(CR_SERVER_LOST), UInt32(CR_SERVER_LOST_EXTENDED), UInt32(CR_ERR_NET_READ):
            self.init(MySQLError.connectionLost(message, sql: sql), isLost: true)
        case UInt32(CR_NET_PACKET_TOO_LARGE), Self.packetTooLarge:
            self.init(MySQLError.tooLarge(message, sql: sql), isLost: true)
        case _ where Self.farewells.contains(code):
            self.init(MySQLError.connectionLost(message, sql: sql), isLost: true)
        case UInt32(CR_MIN_ERROR)...UInt32(CR_MAX_ERROR), 5000..<6000:
            self.init(MySQLError.protocolViolation("\(message) (\(code))", sql: sql), isLost: true)
        case 0:
            self.init(MySQLError.protocolViolation("no result and no error", sql: sql), isLost: true)
        default:
            let error = MySQLError.refused(code: Int(code), sqlState: state, message: message, sql: sql)
            self.init(error)
        }
    }
}
