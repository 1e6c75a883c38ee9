/// Cuts a `multipart/form-data` body into its parts while it arrives: the same as `MultipartParser`, for bodies that
/// are not to be in memory. What it holds is at most the header of a part, or what may become a delimiter.
package struct MultipartStream {
    /// What was found, in order.
    package enum Event {
        /// A part begins. Its ranges say nothing.
        case part(MultipartPart)
        /// More of the content of the part; valid during the call only.
        case content(UnsafeRawBufferPointer)
        case partEnd
    }

    private enum Phase {
        case beginning, preamble, head, epilogue
        /// So many bytes of the header's end may belong to a delimiter, and are not content.
        case content(skip: Int)
    }

    private let search: MultipartDelimiter.Search
    private let limits: MultipartLimits
    private var phase = Phase.beginning
    private var partCount = 0
    private var fieldCount = 0
    /// What is to be looked at again together with the next bytes.
    private var held: [UInt8] = []

    package init(boundary: [UInt8], limits: MultipartLimits = MultipartLimits()) {
        search = MultipartDelimiter.Search(boundary: boundary)
        self.limits = limits
    }

    /// Goes on with the next bytes of the body. `isLast`: there are no more. Throws `MultipartError`, and what `handle`
    /// throws.
    package mutating func feed(
        _ bytes: UnsafeRawBufferPointer, isLast: Bool = false, _ handle: (Event) throws -> Void
    ) throws {
        guard !held.isEmpty else {
            let used = try look(bytes, isLast, handle)
            held.append(contentsOf: bytes[used...])
            return try checkHeld()
        }
        var all = held
        held = []
        all.append(contentsOf: bytes)
        let used = try all.withUnsafeBytes { try look($0, isLast, handle) }
        all.removeFirst(used)
        held = all
        try checkHeld()
    }

    /// A line of blanks behind a boundary may be long, but not for ever.
    private func checkHeld() throws {
        guard held.count <= limits.maxHeadBytes + 256 else { throw MultipartError.headTooLarge }
    }

    /// Returns how many bytes are done with.
    private mutating func look(
        _ bytes: UnsafeRawBufferPointer, _ isLast: Bool, _ handle: (Event) throws -> Void
    ) throws -> Int {
        var position = 0
        while try step(bytes, &position, isLast, handle) {}
        return position
    }

    /// False when more bytes are needed, or all are done with.
    private mutating func step(
        _ bytes: UnsafeRawBufferPointer, _ position: inout Int, _ isLast: Bool, _ handle: (Event) throws -> Void
    ) throws -> Bool {
        switch phase {
        case .beginning, .preamble:
            if let delimiter = delimiter(bytes, &position, isLast) {
                pass(delimiter, &position)
                return true
            }
            if isLast { throw MultipartError.noBoundary }
            return false
        case .head:
            guard let part = try head(bytes, position, isLast) else { return false }
            try handle(.part(part))
            position = part.head.upperBound - 2
            phase = .content(skip: 2)
            return true
        case .content(let skip):
            let start = position + skip
            if let delimiter = delimiter(bytes, &position, isLast) {
                try hand(bytes, start..<max(start, delimiter.start), to: handle)
                try handle(.partEnd)
                pass(delimiter, &position)
                return true
            }
            if isLast { throw MultipartError.truncated }
            guard position >= start else { return false }
            phase = .content(skip: 0)
            try hand(bytes, start..<position, to: handle)
            return false
        case .epilogue:
            position = bytes.count
            return false
        }
    }

    private mutating func pass(_ delimiter: MultipartDelimiter, _ position: inout Int) {
        position = delimiter.end
        phase = delimiter.isLast ? .epilogue : .head
    }

    private func hand(
        _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, to handle: (Event) throws -> Void
    ) throws {
        if !range.isEmpty { try handle(.content(UnsafeRawBufferPointer(rebasing: bytes[range]))) }
    }

    /// Without one, `position` moves to where to look next time.
    private mutating func delimiter(
        _ bytes: UnsafeRawBufferPointer, _ position: inout Int, _ isLast: Bool
    ) -> MultipartDelimiter? {
        let atBeginning = if case .beginning = phase { true } else { false }
        switch search.find(bytes, from: position, atBeginning: atBeginning, isComplete: isLast) {
        case .found(let delimiter): return delimiter
        case .none(let end):
            if atBeginning, end > 0 { phase = .preamble }
            position = end
            return nil
        }
    }

    /// Nil while it has not arrived.
    private mutating func head(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ isLast: Bool) throws -> MultipartPart? {
        guard partCount < limits.maxParts else { throw MultipartError.tooManyParts }
        var head = MultipartHead(bytes, from: start, limits: limits)
        do throws(MultipartError) {
            let part = try head.read()
            partCount += 1
            if part.fileName == nil { fieldCount += 1 }
            guard fieldCount <= limits.maxFields else { throw .tooManyFields }
            return part
        } catch {
            guard error == .truncated, !isLast else { throw error }
            return nil
        }
    }
}
