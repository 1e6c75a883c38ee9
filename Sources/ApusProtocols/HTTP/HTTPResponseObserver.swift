/// Sees what a response reader reads.
package protocol HTTPResponseObserver {
    /// The head of a response that is no interim one.
    mutating func head(_ bytes: UnsafePointer<UInt8>, _ count: Int)
    /// A piece of its body.
    mutating func body(_ bytes: UnsafePointer<UInt8>, _ count: Int)
}

/// Whoever only counts responses looks into none.
package struct NoHTTPResponseObserver: HTTPResponseObserver {
    @inlinable
    package init() {}
    @inlinable
    package mutating func head(_ bytes: UnsafePointer<UInt8>, _ count: Int) {}
    @inlinable
    package mutating func body(_ bytes: UnsafePointer<UInt8>, _ count: Int) {}
}
