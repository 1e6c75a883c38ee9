/// What a master tells a process of another one, so that it can send to it.
nonisolated struct PeerNews {
    /// Numbers processes over the life of the service, reloads included.
    let member: Int
    /// Its worker's name, its id there, and what the worker is recognised by.
    let name: String
    let id: Int
    let workerKey: String

    var text: String {
        var record = RecordText()
        record.add("\(member)", "\(id)", name, workerKey)
        return record.text
    }

    init(member: Int, name: String, id: Int, workerKey: String) {
        self.member = member
        self.name = name
        self.id = id
        self.workerKey = workerKey
    }

    init?(_ text: String) {
        guard let words = RecordText(text).records.first, words.count == 4, let member = Int(words[0]),
            let id = Int(words[1])
        else { return nil }
        self.init(member: member, name: words[2], id: id, workerKey: words[3])
    }
}
