/// What connects the processes of a chat: it carries what they post, and knows whom a name belongs to.
protocol ChatEngine: AnyObject {
    /// Called once in each process. `onPost` gets what others have posted, and may get what this process has.
    /// `onReach` is called when this process can be reached, also again after it was cut off.
    func start(onPost: @escaping ([UInt8]) -> Void, onReach: @escaping () -> Void)

    /// Sends to all processes, in this one's order. What a process misses, while it is cut off for instance, is made up
    /// for by what `ChatServer` asks.
    func post(_ bytes: [UInt8])

    /// Gives a name to a claim for `ChatClaim.lease` seconds, unless somebody else has it; tells whether it is the
    /// claim's now. Of several that want it at the same time one gets it.
    func claim(_ name: String, _ claim: ChatClaim) async throws -> Bool

    /// Lets the claim have the name for so many seconds again. False when it has not got it any more.
    func renew(_ name: String, _ claim: ChatClaim) async throws -> Bool

    /// The name is free, if it is the claim's.
    func release(_ name: String, _ claim: ChatClaim)
}

/// Who has a name. A process that dies takes its names with it: they are leased, and nobody renews them.
nonisolated struct ChatClaim: Sendable, Hashable {
    /// What the guest's page alone knows: by it somebody who was cut off has the name back at once.
    let owner: String
    /// Tells one entry of the guest from the next.
    let session: Int64
    /// Seconds that a name is kept without being renewed.
    let lease: Double

    init(owner: String, lease: Double) {
        self.owner = owner
        self.lease = lease
        session = Int64.random(in: .min ... .max)
    }
}
