import CApus

/// Lines of text, each ended by a line feed: made for telnet.
public struct Text: PacketProtocol {
    public typealias Inbound = String
    public typealias Outbound = String

    /// The text protocol has no options.
    public nonisolated init() {}

    public nonisolated func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength { frame(bytes, searched: 0) }

    public nonisolated func frame(_ bytes: UnsafeRawBufferPointer, searched: Int) -> FrameLength {
        guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
            let end = capus_find(base + searched, base + bytes.count, 0x0A)
        else { return .needMore }
        return .length(end - base + 1)
    }

    /// All carriage returns and line feeds at the end are dropped; bytes that are no UTF-8 are replaced.
    public nonisolated func decode(_ packet: UnsafeRawBufferPointer) -> String {
        var count = packet.count
        while count > 0, packet[count - 1] == 0x0A || packet[count - 1] == 0x0D { count -= 1 }
        return String(decoding: UnsafeRawBufferPointer(rebasing: packet[..<count]), as: UTF8.self)
    }

    public nonisolated func encode(_ message: String, into packet: inout [UInt8]) {
        packet.append(contentsOf: message.utf8)
        packet.append(0x0A)
    }

    public nonisolated func encode(_ message: String, to buffer: UnsafeMutableRawBufferPointer) -> Int? {
        message.utf8.withContiguousStorageIfAvailable { text in
            guard text.count < buffer.count else { return nil }
            buffer.copyMemory(from: UnsafeRawBufferPointer(text))
            buffer[text.count] = 0x0A
            return text.count + 1
        } ?? nil
    }
}

extension WireProtocol where Self == Text {
    /// Lines of text.
    public nonisolated static var text: Text { Text() }
}
