import Apus

/// A file as it travels, whatever the protocol.
nonisolated struct TransferredFile: Hashable, Sendable {
    /// As the client says it: anything at all. See `ReceivedFiles.safeName`.
    var fileName: String
    var fileData: [UInt8]
}

/// A protocol that brings files to a server, which answers each with a line of text.
///
/// A protocol's type has one kind of message for each direction, as its server sees them. `Uploads` is the same
/// protocol seen by the client, for which it only has to know how to send a file.
nonisolated protocol FileTransfer: PacketProtocol where Inbound == TransferredFile, Outbound == String {
    /// Appends the packet that carries a file.
    func encode(_ file: TransferredFile, into packet: inout [UInt8]) throws
}

nonisolated extension FileTransfer {
    func encode(_ answer: String, into packet: inout [UInt8]) throws { Text().encode(answer, into: &packet) }
}

/// The client's side of a protocol that transfers files: sends files, gets lines.
nonisolated struct Uploads<Transfer: FileTransfer>: PacketProtocol {
    typealias Inbound = String
    typealias Outbound = TransferredFile

    let transfer: Transfer
    var name: String { transfer.name }

    // A line of text is short: there is no need to remember how much of it was searched.
    func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength { Text().frame(bytes) }
    func decode(_ packet: UnsafeRawBufferPointer) -> String { Text().decode(packet) }
    func encode(_ file: TransferredFile, into packet: inout [UInt8]) throws {
        try transfer.encode(file, into: &packet)
    }
}
