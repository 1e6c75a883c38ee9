/// What waits in a queue.
nonisolated struct ChannelItem: Hashable {
    let id: Int
    let data: [UInt8]
}

/// Items in order. Taking the first one moves none of the others.
nonisolated struct ItemList {
    private var items: [ChannelItem] = []
    private var start = 0

    var count: Int { items.count - start }
    var isEmpty: Bool { count == 0 }
    var first: ChannelItem? { isEmpty ? nil : items[start] }
    var all: ArraySlice<ChannelItem> { items[start...] }

    mutating func append(_ item: ChannelItem) { items.append(item) }

    /// An item that was taken before goes to where it was.
    mutating func putBack(_ item: ChannelItem) {
        let index = items[start...].firstIndex { $0.id > item.id } ?? items.endIndex
        items.insert(item, at: index)
    }

    mutating func popFirst() -> ChannelItem? {
        guard !isEmpty else { return nil }
        defer {
            start += 1
            if start * 2 > items.count, start > 64 || start == items.count {
                items.removeFirst(start)
                start = 0
            }
        }
        return items[start]
    }
}
