/// Where output is rendered before it is sent: one for all connections of a loop.
///
/// While the messages of one read are handled, the first `corkedCount` bytes belong to the connection that is `corked`
/// and leave together with one `send`. What follows is free for rendering.
final class OutputBuffer {
    @exclusivity(unchecked) let bytes: UnsafeMutablePointer<UInt8>
    let capacity: Int
    /// The connection whose output is collected.
    @exclusivity(unchecked) unowned(unsafe) var corked: StreamConnection?
    /// How much of it is collected.
    @exclusivity(unchecked) var corkedCount = 0
    /// More messages follow in the same read: what is sent now may wait for their answers.
    @exclusivity(unchecked) var isHolding = false

    init(capacity: Int) {
        self.capacity = capacity
        bytes = .allocate(capacity: capacity)
    }
}
