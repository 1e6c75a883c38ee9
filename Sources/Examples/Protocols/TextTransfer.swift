import Apus
import FoundationEssentials

/// Files as lines of JSON: `{"file_name":"a.txt","file_data":"ZGF0YQ=="}`. A third larger than `BinaryTransfer`, and
/// easy to send from anything that knows JSON; the program behind it is the same.
///
///     Examples TextTransfer start --on HOST:PORT [--into FOLDER] [--count N]
///     Examples TextTransferClient --to HOST:PORT FILE
///
/// Try `telnet` with the line above.
nonisolated struct TextTransfer: FileTransfer {
    /// A line. `Data` is base64 to JSON coders.
    private struct Line: Codable {
        let file_name: String
        let file_data: Data
    }

    func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength { Text().frame(bytes) }
    func frame(_ bytes: UnsafeRawBufferPointer, searched: Int) -> FrameLength {
        Text().frame(bytes, searched: searched)
    }

    func decode(_ packet: UnsafeRawBufferPointer) throws -> TransferredFile {
        guard let line = try? JSONDecoder().decode(Line.self, from: Data(packet)) else { throw InvalidJSON() }
        return TransferredFile(fileName: line.file_name, fileData: Array(line.file_data))
    }

    func encode(_ file: TransferredFile, into packet: inout [UInt8]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        packet += try encoder.encode(Line(file_name: file.fileName, file_data: Data(file.fileData)))
        packet.append(0x0A)
    }
}

@MainActor extension TextTransfer {
    static func set(_ arguments: [String]) throws { try FileReceiver.serve(TextTransfer(), arguments) }
    static func sendFile(_ arguments: [String]) throws { try FileUpload.send(TextTransfer(), arguments) }
}
