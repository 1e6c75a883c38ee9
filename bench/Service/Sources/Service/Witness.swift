import Apus
import Glibc

/// Files that outlive the process which writes them: what it was given, and what it saw that must not be. A line is
/// one `write`, so it is there as a whole or not at all, whenever the process is killed.
final class Witness {
    private let folder: String
    private var delivered: Int32 = -1

    init(folder: String) { self.folder = folder }

    func note(_ item: String) {
        if delivered < 0 { delivered = open("\(folder)/delivered.\(getpid())") }
        write(item, delivered)
    }

    func complain(_ text: String) {
        let file = open("\(folder)/violations.\(getpid())")
        write(text, file)
        close(file)
    }

    private func open(_ path: String) -> Int32 { Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644) }

    private func write(_ text: String, _ file: Int32) {
        let line = Array("\(text)\n".utf8)
        precondition(Glibc.write(file, line, line.count) == line.count, "the witness cannot write")
    }
}
