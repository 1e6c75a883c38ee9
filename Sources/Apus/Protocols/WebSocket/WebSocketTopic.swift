import ApusProtocols

/// Connections that get the same messages.
final class WebSocketTopic {
    /// "" for all open connections of a worker.
    let name: String
    @exclusivity(unchecked) private(set) var members: [StreamConnection] = []
    /// What was published in this turn and not given to all members.
    @exclusivity(unchecked) var log = WebSocketLog()
    /// What is being given to the members, which may call user code.
    @exclusivity(unchecked) var leaving = WebSocketLog()
    /// Members whose messages are compressed.
    @exclusivity(unchecked) var compressingCount = 0

    init(_ name: String) { self.name = name }
    nonisolated deinit {}

    /// Adds a member, and returns its place.
    func add(_ connection: StreamConnection, compresses: Bool) -> Int {
        members.append(connection)
        if compresses { compressingCount += 1 }
        return members.count - 1
    }

    /// Removes the member at a place. The last one takes that, unless it is the removed one.
    func remove(at index: Int, compresses: Bool) {
        let last = members.removeLast()
        if compresses { compressingCount -= 1 }
        guard index < members.count else { return }
        members[index] = last
        last.webSocket?.subscriptions.moved(in: self, to: index)
    }
}

/// Frames that were published on one topic, ready to be sent, one after the other.
struct WebSocketLog {
    /// One frame.
    struct Entry {
        /// Counts what is published on all topics of a worker.
        let sequence: UInt64
        let start: Int
        let compressedStart: Int
        /// It is among the compressed ones as well.
        let isCompressing: Bool
        /// Who does not get it.
        let excluded: StreamConnection?
    }

    private(set) var entries: [Entry] = []
    /// The frames as they are, and compressed where that is of use to somebody.
    private(set) var frames: [UInt8] = []
    private(set) var compressed: [UInt8] = []
    private(set) var hasExclusions = false
    /// All frames are among the compressed ones.
    private(set) var isWhollyCompressed = true

    var isEmpty: Bool { entries.isEmpty }
    var firstSequence: UInt64 { entries.first?.sequence ?? .max }

    /// `isCompressing`: somebody takes compressed frames; without a `deflater` this one is not worth it.
    mutating func append(
        _ sequence: UInt64, _ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer, except: StreamConnection?,
        isCompressing: Bool, deflater: WebSocketDeflater?
    ) {
        entries.append(
            Entry(
                sequence: sequence, start: frames.count, compressedStart: compressed.count,
                isCompressing: isCompressing,
                excluded: except))
        if except != nil { hasExclusions = true }
        let start = frames.count
        WebSocketFrameHead(opcode, length: payload.count).append(payload, to: &frames)
        guard isCompressing else {
            isWhollyCompressed = false
            return
        }
        guard let deflater else {
            compressed += frames[start...]
            return
        }
        var bytes: [UInt8] = []
        deflater.append(payload, to: &bytes)
        let head = WebSocketFrameHead(opcode, length: bytes.count, isCompressed: true)
        bytes.withUnsafeBytes { head.append($0, to: &compressed) }
    }

    /// Who is excluded from one of the frames.
    func excludes(_ connection: StreamConnection) -> Bool {
        hasExclusions && entries.contains { $0.excluded === connection }
    }

    /// The frame at an index.
    func frame(_ index: Int, compressed isCompressed: Bool) -> ArraySlice<UInt8> {
        let isLast = index + 1 == entries.count
        if isCompressed, entries[index].isCompressing {
            let end = isLast ? compressed.count : entries[index + 1].compressedStart
            return compressed[entries[index].compressedStart..<end]
        }
        return frames[entries[index].start..<(isLast ? frames.count : entries[index + 1].start)]
    }
}
