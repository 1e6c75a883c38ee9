/// What a `ChannelServer` tells its clients: a JSON object.
nonisolated enum ChannelAnswer {
    /// An event that a client has subscribed to.
    case event(name: String, data: [UInt8])
    /// An item of a queue; with a number when it is to be acknowledged.
    case item(queue: String, data: [UInt8], id: Int?)
    /// A request was done, for so many.
    case done(id: Int, count: Int)
    /// A request was refused: why.
    case refused(id: Int, reason: String)

    init(_ bytes: [UInt8]) throws(ClusterMessage.Failure) {
        let message = try ClusterMessage(bytes)
        let (name, data, id) = (message.string("channel"), message.json("data"), message.number("id"))
        switch (message.string("type"), name, data, id) {
        case ("event", let name?, let data?, _): self = .event(name: name, data: data)
        case ("queue", let name?, let data?, _): self = .item(queue: name, data: data, id: id)
        case ("done", _, _, let id?): self = .done(id: id, count: message.number("count") ?? 0)
        case ("error", _, _, let id?): self = .refused(id: id, reason: message.string("reason") ?? "")
        default:
            let text = String(decoding: bytes.prefix(80), as: UTF8.self)
            throw ClusterMessage.Failure(reason: "the server sent «\(text)»")
        }
    }

    /// As it is sent.
    var writer: ClusterMessageWriter {
        var message = ClusterMessageWriter()
        switch self {
        case .event(let name, let data):
            message.add("type", "event")
            message.add("channel", name)
            message.add("data", json: data)
        case .item(let queue, let data, let id):
            message.add("type", "queue")
            message.add("channel", queue)
            message.add("data", json: data)
            if let id { message.add("id", id) }
        case .done(let id, let count):
            message.add("type", "done")
            message.add("id", id)
            message.add("count", count)
        case .refused(let id, let reason):
            message.add("type", "error")
            message.add("id", id)
            message.add("reason", reason)
        }
        return message
    }
}
