import Apus
import Glibc

/// The client of both file protocols: sends the file at a path and prints the answer.
enum FileUpload {
    static func send(_ transfer: some FileTransfer, _ arguments: [String]) throws {
        let options = Options(arguments)
        guard let path = options.words.first, options.words.count == 1 else {
            throw OptionError(description: "the path of a file to send is needed")
        }
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        let file = TransferredFile(fileName: name, fileData: try read(path))
        try Conversation.hold(Uploads(transfer: transfer), to: try options.required("to"), [file]) { answer in
            guard answer.hasPrefix("saved ") else { throw Conversation.Failure(description: answer) }
            print(answer)
        }
    }

    private static func read(_ path: String) throws -> [UInt8] {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { throw failure("open \(path)") }
        defer { close(fd) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1024 * 1024)
        while true {
            let count = Glibc.read(fd, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("read \(path)") }
            if count == 0 { return bytes }
            bytes += block[..<count]
        }
    }

    private static func failure(_ what: String) -> Conversation.Failure {
        Conversation.Failure(description: "cannot \(what): \(String(cString: strerror(errno)))")
    }
}
