/// Elements in the order they came. Taking the first one moves none of the others.
package nonisolated struct FIFO<Element> {
    private var items: [Element?] = []
    private var start = 0

    package init() {}

    package var count: Int { items.count - start }
    package var isEmpty: Bool { count == 0 }
    package var first: Element? { isEmpty ? nil : items[start] }

    package mutating func append(_ element: Element) { items.append(element) }

    package mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = items[start].take()
        start += 1
        // What was taken is let go of when it is half of all: each is moved once at most.
        if start == items.count {
            items.removeAll(keepingCapacity: start <= 1024)
            start = 0
        } else if start >= 256, start * 2 >= items.count {
            items.removeFirst(start)
            start = 0
        }
        return element
    }

    /// All of them, of which none is left.
    package mutating func takeAll() -> [Element] {
        defer { self = FIFO() }
        return items[start...].map { $0! }
    }
}
