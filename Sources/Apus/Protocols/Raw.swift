/// Raw TCP: `onMessage` gets whatever arrived, in blocks of any size.
public struct Raw: PacketProtocol {
    public typealias Inbound = [UInt8]
    public typealias Outbound = [UInt8]

    /// Raw TCP has no options.
    public nonisolated init() {}

    public nonisolated var name: String { "tcp" }
    public nonisolated func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength { .length(bytes.count) }
    public nonisolated func decode(_ packet: UnsafeRawBufferPointer) -> [UInt8] { Array(packet) }
    public nonisolated func encode(_ message: [UInt8], into packet: inout [UInt8]) { packet = message }
}

extension WireProtocol where Self == Raw {
    /// Raw TCP.
    public nonisolated static var raw: Raw { Raw() }
}
