import Apus

/// Files as they are: four bytes of length (big-endian, counting themselves), one byte with the length of the name, the
/// name, the file.
///
///     Examples BinaryTransfer start --on HOST:PORT [--into FOLDER] [--count N]
///     Examples BinaryTransferClient --to HOST:PORT FILE
///
/// Without `--into` files go to a fresh folder, which the log names. Files of more than `maxPackageSize`, 10 MiB unless
/// set, are refused from their first bytes: the whole message is in memory before it is handled.
nonisolated struct BinaryTransfer: FileTransfer {
    /// The two lengths.
    private static let headerLength = 5

    func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength {
        let frame = Frame().frame(bytes)
        guard case .length(let length) = frame else { return frame }
        guard length >= Self.headerLength else { return .invalid("\(length) bytes are less than a header") }
        // Apus does not have to ask again once the length is known: the name must be looked at before.
        guard bytes.count >= Self.headerLength else { return .needMore }
        return Self.headerLength + Int(bytes[4]) <= length ? frame : .invalid("the name is longer than the packet")
    }

    func decode(_ packet: UnsafeRawBufferPointer) -> TransferredFile {
        let end = Self.headerLength + Int(packet[4])
        return TransferredFile(
            fileName: String(decoding: packet[Self.headerLength..<end], as: UTF8.self), fileData: Array(packet[end...]))
    }

    func encode(_ file: TransferredFile, into packet: inout [UInt8]) throws {
        guard let nameLength = UInt8(exactly: file.fileName.utf8.count) else {
            throw Conversation.Failure(description: "a name may have 255 bytes")
        }
        try Frame().encode([nameLength] + Array(file.fileName.utf8) + file.fileData, into: &packet)
    }
}

@MainActor extension BinaryTransfer {
    static func set(_ arguments: [String]) throws { try FileReceiver.serve(BinaryTransfer(), arguments) }
    static func sendFile(_ arguments: [String]) throws { try FileUpload.send(BinaryTransfer(), arguments) }
}
