import Apus

/// Somebody at this process.
final class ChatGuest {
    let connection: Connection<WebSocket>
    let name: ChatName
    let claim: ChatClaim
    var room: ChatName
    var pace: ChatPace

    init(_ connection: Connection<WebSocket>, name: ChatName, room: ChatName, claim: ChatClaim, pace: ChatPace) {
        self.connection = connection
        self.name = name
        self.claim = claim
        self.room = room
        self.pace = pace
    }

    nonisolated deinit {}
}
