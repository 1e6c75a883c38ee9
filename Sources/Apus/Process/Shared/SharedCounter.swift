import Synchronization

/// A number that all processes of a program share.
///
///     let hits = SharedCounter("hits")
///     server.onMessage = { connection, _ in connection.send("\(hits.add())") }
///
/// Make it at the top level of the program, where each of its processes comes by, under a name of its own. It is 0, or
/// what the program puts into it there, when the service is started; `reload` keeps it as long as the program has the
/// same counters and tables. All operations are atomic, take nanoseconds, and may be used from any thread. What a
/// process has added stays when it is killed. On overflow it begins again at the other end. Spec 08 §5.
public nonisolated final class SharedCounter: Sendable {
    /// What the program calls it.
    public let name: String
    private let region: SharedRegion

    /// The counter of this name.
    @MainActor public init(_ name: String) {
        precondition(SharedName.isUsable(name), SharedName.rule)
        self.name = name
        region = SharedRegion(layout: "counter \(name)", size: MemoryLayout<Atomic<Int>>.size) { _ in }
        SharedMemory.add(region)
    }

    deinit {}

    private var value: UnsafeMutablePointer<Atomic<Int>> { region.base.assumingMemoryBound(to: Atomic<Int>.self) }

    /// The value now.
    public func load() -> Int { value.pointee.load(ordering: .sequentiallyConsistent) }

    /// Sets the value.
    public func store(_ new: Int) { value.pointee.store(new, ordering: .sequentiallyConsistent) }

    /// Adds to the value and returns what it is then.
    @discardableResult
    public func add(_ amount: Int = 1) -> Int {
        value.pointee.wrappingAdd(amount, ordering: .sequentiallyConsistent).newValue
    }

    /// Subtracts from the value and returns what it is then.
    @discardableResult
    public func subtract(_ amount: Int = 1) -> Int {
        value.pointee.wrappingSubtract(amount, ordering: .sequentiallyConsistent).newValue
    }

    /// Sets the value to `desired` if it is `expected`, and returns whether it was.
    @discardableResult
    public func compareExchange(expected: Int, desired: Int) -> Bool {
        value.pointee.compareExchange(expected: expected, desired: desired, ordering: .sequentiallyConsistent).exchanged
    }

    /// Raises the value to `least` if it is less, and returns what it is then.
    @discardableResult
    public func max(_ least: Int) -> Int {
        value.pointee.max(least, ordering: .sequentiallyConsistent).newValue
    }
}

/// Names of what is shared.
nonisolated enum SharedName {
    static let rule = "a shared counter, table or column has a name of 1 to 100 bytes without blanks"

    static func isUsable(_ name: String) -> Bool {
        (1...100).contains(name.utf8.count) && name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
    }
}
