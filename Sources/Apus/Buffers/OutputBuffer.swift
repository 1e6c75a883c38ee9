/// Where output is rendered before it is sent: one for all connections of a loop.
///
/// While the messages of one read are handled, the first `corkedCount` bytes belong to the connection that is `corked`
/// and leave together with one `send`. What follows is free for rendering.
struct OutputBuffer {
    let bytes: UnsafeMutablePointer<UInt8>
    let capacity: Int
    /// The connection whose output is collected: its address, which is all that is needed to recognise it.
    var corked: UnsafeMutableRawPointer?
    /// How much of it is collected.
    var corkedCount = 0
    /// More messages follow in the same read: what is sent now may wait for their answers.
    var isHolding = false

    init(capacity: Int) {
        self.capacity = capacity
        bytes = .allocate(capacity: capacity)
    }

    /// Collects for no connection any more.
    mutating func dropCollected() {
        corked = nil
        corkedCount = 0
        isHolding = false
    }

    /// Where to render: behind what is collected.
    var target: UnsafeMutablePointer<UInt8> { bytes + corkedCount }
    /// The same, with its size.
    var free: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: target, count: room) }
    /// How many bytes fit there.
    var room: Int { capacity &- corkedCount }
}
