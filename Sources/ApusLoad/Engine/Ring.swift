/// A queue that takes new memory only when it has to hold more than ever before.
nonisolated struct Ring<Element: BitwiseCopyable>: ~Copyable {
    private var elements: UnsafeMutablePointer<Element>
    /// A power of two.
    private var capacity = 64
    private var first = 0
    private(set) var count = 0

    init() { elements = .allocate(capacity: capacity) }
    deinit { elements.deallocate() }

    mutating func append(_ element: Element) {
        if count == capacity { grow() }
        (elements + ((first &+ count) & (capacity - 1))).initialize(to: element)
        count += 1
    }

    mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = elements[first]
        first = (first &+ 1) & (capacity - 1)
        count -= 1
        return element
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity * 2)
        for index in 0..<count { (larger + index).initialize(to: elements[(first + index) & (capacity - 1)]) }
        elements.deallocate()
        elements = larger
        first = 0
        capacity *= 2
    }
}
