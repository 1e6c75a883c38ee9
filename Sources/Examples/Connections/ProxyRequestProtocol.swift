import Apus

/// The heads of requests to an HTTP proxy: each ends with an empty line.
nonisolated struct ProxyRequestProtocol: PacketProtocol {
    /// Bytes that a head may have.
    private static let maxHeadBytes = 32 * 1024
    private static let tooLarge = "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n"

    func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength { frame(bytes, searched: 0) }

    func frame(_ bytes: UnsafeRawBufferPointer, searched: Int) -> FrameLength {
        var index = max(3, searched)
        while index < min(bytes.count, Self.maxHeadBytes) {
            if bytes[index] == 0x0A, bytes[index - 1] == 0x0D, bytes[index - 2] == 0x0A, bytes[index - 3] == 0x0D {
                return .length(index + 1)
            }
            index += 1
        }
        guard bytes.count < Self.maxHeadBytes else {
            return .invalid("the head of a request is too long", reply: Array(Self.tooLarge.utf8))
        }
        return .needMore
    }

    /// Nil for what is no head of a request.
    func decode(_ packet: UnsafeRawBufferPointer) -> ProxyRequest? { ProxyRequest(packet) }

    func encode(_ answer: [UInt8], into packet: inout [UInt8]) { packet += answer }
}
