/// Packets behind their length: four bytes, big-endian, counting themselves; then any bytes.
public struct Frame: PacketProtocol {
    public typealias Inbound = [UInt8]
    public typealias Outbound = [UInt8]

    /// The frame protocol has no options.
    public nonisolated init() {}

    public nonisolated func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength {
        guard bytes.count >= 4 else { return .needMore }
        let length = Int(UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)))
        return length >= 4 ? .length(length) : .invalid("a frame of \(length) bytes is shorter than its header")
    }

    public nonisolated func decode(_ packet: UnsafeRawBufferPointer) -> [UInt8] { Array(packet[4...]) }

    /// Throws when the payload is too large for its length field.
    public nonisolated func encode(_ message: [UInt8], into packet: inout [UInt8]) throws {
        guard let length = UInt32(exactly: message.count + 4) else { throw FrameTooLarge(count: message.count) }
        packet.reserveCapacity(Int(length))
        withUnsafeBytes(of: length.bigEndian) { packet.append(contentsOf: $0) }
        packet.append(contentsOf: message)
    }

    public nonisolated func encode(_ message: [UInt8], to buffer: UnsafeMutableRawBufferPointer) -> Int? {
        let length = message.count + 4
        guard length <= buffer.count else { return nil }
        buffer.storeBytes(of: UInt32(truncatingIfNeeded: length).bigEndian, as: UInt32.self)
        message.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[4...]).copyMemory(from: $0) }
        return length
    }
}

/// A payload that no frame can carry.
public nonisolated struct FrameTooLarge: Error, CustomStringConvertible, Sendable {
    /// Bytes of the payload.
    public let count: Int
    /// One line for the log.
    public var description: String { "a payload of \(count) bytes does not fit a frame" }
}

extension WireProtocol where Self == Frame {
    /// Packets behind their length.
    public nonisolated static var frame: Frame { Frame() }
}
