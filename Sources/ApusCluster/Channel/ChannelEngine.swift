/// What carries events and items between processes. Requests that end are told of by their completion, once.
protocol ChannelEngine: AnyObject {
    /// Called with what comes in.
    var receiver: (any ChannelReceiver)? { get set }
    /// Whether events would be sent at once.
    var isReady: Bool { get }

    func open()
    func close()
    func subscribe(_ names: [String])
    func unsubscribe(_ names: [String])
    /// False when it was dropped. The completion gets how many have received it, or nil where nobody counts that.
    func publish(_ names: [String], _ json: [UInt8], _ completion: ChannelCompletion?) -> Bool
    /// False when it was dropped.
    func enqueue(_ names: [String], _ json: [UInt8], _ completion: ChannelCompletion?) -> Bool
    func watch(_ names: [String], acknowledges: Bool)
    func unwatch(_ names: [String])
    /// One item of each of these queues may come, as far as they are watched.
    func reserve(_ names: [String])
    func finish(_ item: ChannelDelivery, succeeded: Bool)
}

typealias ChannelCompletion = (Result<Int?, ClusterError>) -> Void

/// An item that an engine hands over.
struct ChannelDelivery {
    let event: ChannelEvent
    /// What the engine knows it by, when it is to be acknowledged.
    let receipt: String?
}

/// Who is told of what comes in.
protocol ChannelReceiver: AnyObject {
    /// Everything that was asked for before is to be asked for again.
    func engineIsReady()
    func engineIsDown(_ reason: String)
    func received(_ event: ChannelEvent)
    func received(_ item: ChannelDelivery)
    /// No items can be taken from a queue: why. It is tried again.
    func queueFailed(_ name: String, _ error: ClusterError)
}
