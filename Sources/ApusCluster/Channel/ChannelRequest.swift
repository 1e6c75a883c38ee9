/// What a client asks a `ChannelServer` for: a JSON object.
nonisolated struct ChannelRequest {
    enum Kind: String {
        /// Events and items have `data`, and an `id` when an answer is wanted.
        case publish, enqueue
        case subscribe, unsubscribe, watch, unwatch
        /// Without names all that the client watches are meant.
        case reserve
        /// What has become of the item of the `id`.
        case ack, nack
    }

    let kind: Kind
    var names: [String]?
    var data: [UInt8]?
    var id: Int?
    /// Of what is watched.
    var acknowledges = false

    init(_ kind: Kind, names: [String]? = nil, data: [UInt8]? = nil, id: Int? = nil, acknowledges: Bool = false) {
        self.kind = kind
        self.names = names
        self.data = data
        self.id = id
        self.acknowledges = acknowledges
    }

    init(_ bytes: [UInt8]) throws(ClusterMessage.Failure) {
        let message = try ClusterMessage(bytes)
        let type = message.string("type") ?? ""
        guard let kind = Kind(rawValue: type) else {
            throw ClusterMessage.Failure(reason: "«\(type.prefix(40))» is no type of message")
        }
        self.init(
            kind, names: message.strings("channels"), data: message.json("data"), id: message.number("id"),
            acknowledges: message.flag("ack"))
        guard data != nil || (kind != .publish && kind != .enqueue) else {
            throw ClusterMessage.Failure(reason: "an \(kind == .publish ? "event" : "item") has no data")
        }
    }

    /// As it is sent.
    var message: [UInt8] {
        var message = ClusterMessageWriter()
        message.add("type", kind.rawValue)
        if let names { message.add("channels", names) }
        if let data { message.add("data", json: data) }
        if let id { message.add("id", id) }
        if acknowledges { message.add("ack", json: Array("true".utf8)) }
        return message.message
    }
}
