import CApus
import Glibc
import Testing

@testable import Apus

/// The copy of the log on standard error.
@Suite struct `Output that nobody reads` {
    /// A pipe that has room for one page, as its ends.
    private func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        try #require(Glibc.pipe(&ends) == 0)
        try #require(fcntl(ends[1], 1031, 4096) == 4096)  // F_SETPIPE_SZ, which Glibc's module hides.
        return (ends[0], ends[1])
    }

    private func read(_ fd: Int32) -> String {
        var text = ""
        var query = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        while poll(&query, 1, 0) > 0, query.revents & Int16(POLLIN) != 0 {
            var bytes = [UInt8](repeating: 0, count: 65536)
            let count = Glibc.read(fd, &bytes, bytes.count)
            if count <= 0 { break }
            text += String(decoding: bytes[..<count], as: UTF8.self)
        }
        return text
    }

    /// A write that waited would wait for ever.
    @Test func `is dropped and counted, and told later`() throws {
        let (reader, writer) = try pipe()
        defer { for fd in [reader, writer] { close(fd) } }
        let output = LossyOutput(writer, "the test")
        let line = String(repeating: "x", count: 99)
        var lines = 0
        while output.dropped == 0 {
            output.write(line)
            lines += 1
        }
        for _ in 0..<9 { output.write(line) }
        #expect(output.dropped == 10)
        let text = read(reader)
        #expect(text == String(repeating: line + "\n", count: lines - 1))
        output.write("again")
        #expect(read(reader) == "10 line(s) were dropped here: nobody reads the test\nagain\n")
        output.write("and again")
        #expect(read(reader) == "and again\n")
        #expect(output.dropped == 0)
    }

    @Test func `is cut where it does not fit, and the next line begins anew`() throws {
        let (reader, writer) = try pipe()
        defer { for fd in [reader, writer] { close(fd) } }
        let output = LossyOutput(writer, "the test")
        output.write(String(repeating: "x", count: 5000))
        #expect(output.dropped == 1)
        #expect(read(reader) == String(repeating: "x", count: 4096))
        output.write("next")
        #expect(read(reader) == "\n1 line(s) were dropped here: nobody reads the test\nnext\n")
    }

    /// There is some room, and less than is wanted: so it is, too, when another process takes the room at the moment
    /// that it is seen. Whoever waited would wait for ever.
    @Test func `keeps nobody waiting for the rest`() throws {
        let (reader, writer) = try pipe()
        defer { for fd in [reader, writer] { close(fd) } }
        #expect(try attempt(writer, 8192) == 4096)
        #expect(read(reader) == String(repeating: "x", count: 4096))
        #expect(try attempt(writer, 4096) == 4096)
        #expect(try attempt(writer, 1) == -Int(EAGAIN))
    }

    /// A terminal has room for less than a line when it tells that it has some.
    @Test func `waits for no terminal`() throws {
        let terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        // Glibc's module hides what finds the other end, which is unlocked first: TIOCSPTLCK and TIOCGPTPEER.
        var isLocked: Int32 = 0
        try #require(terminal >= 0 && ioctl(terminal, 0x4004_5431, &isLocked) == 0)
        let program = ioctl(terminal, 0x5441, O_RDWR | O_NOCTTY)
        try #require(program >= 0)
        defer { for fd in [terminal, program] { close(fd) } }
        let taken = try attempt(program, 1_000_000)
        #expect(taken > 0 && taken < 1_000_000)
        // The kernel passes on what it took, a little later.
        var last = taken
        while last > 0 { last = try attempt(program, 1_000_000) }
        #expect(last == -Int(EAGAIN))
        // The descriptor itself still waits, as others expect who have it.
        #expect(fcntl(program, F_GETFL) & O_NONBLOCK == 0)
    }

    @Test func `waits for no socket`() throws {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        defer { for fd in ends { close(fd) } }
        let taken = try attempt(ends[0], 10_000_000)
        #expect(taken > 0 && taken < 10_000_000)
        while try attempt(ends[0], 4096) > 0 {}
        #expect(try attempt(ends[0], 1) == -Int(EAGAIN))
    }

    /// Writes on a thread of its own, which may be kept waiting; returns what `capus_write_now` does.
    private func attempt(_ fd: Int32, _ count: Int) throws -> Int {
        let (news, end) = try pipe()
        defer { for fd in [news, end] { close(fd) } }
        Attempt(fd, count, end).start()
        var query = pollfd(fd: news, events: Int16(POLLIN), revents: 0)
        try #require(poll(&query, 1, 60_000) == 1, "it waits")
        return try #require(Int(read(news)))
    }

    private nonisolated final class Attempt: Sendable {
        private let fd: Int32
        private let count: Int
        private let end: Int32

        init(_ fd: Int32, _ count: Int, _ end: Int32) { (self.fd, self.count, self.end) = (fd, count, end) }

        func start() {
            var thread = pthread_t()
            let context = Unmanaged.passRetained(self).toOpaque()
            pthread_create(&thread, nil, { Unmanaged<Attempt>.fromOpaque($0!).takeRetainedValue().run() }, context)
            pthread_detach(thread)
        }

        private func run() -> UnsafeMutableRawPointer? {
            let bytes = [UInt8](repeating: 0x78, count: count)
            let outcome = "\(capus_write_now(fd, bytes, count))"
            write(end, outcome, outcome.utf8.count)
            return nil
        }
    }

    /// Each write takes a page of a pipe for itself, so lines that came alone would find room for few.
    @Test func `takes many lines at once, and counts those that found no room`() throws {
        let (reader, writer) = try pipe()
        defer { for fd in [reader, writer] { close(fd) } }
        let output = LossyOutput(writer, "the test")
        let lines = (100..<160).map { "\($0) " + String(repeating: "x", count: 95) + "\n" }
        output.write(lines: Array(lines.joined().utf8))
        #expect(read(reader) == lines[..<40].joined())
        #expect(output.dropped == 20)
        output.write(lines: Array("one\ntwo\n".utf8))
        #expect(read(reader) == "20 line(s) were dropped here: nobody reads the test\none\ntwo\n")
        // The rest of a long line is dropped, and counted with those behind it.
        output.write(lines: Array((String(repeating: "y", count: 5000) + "\none\ntwo\n").utf8))
        #expect(output.dropped == 3)
        #expect(read(reader) == String(repeating: "y", count: 4096))
    }

    /// A descriptor that becomes another file, as a daemon's output does.
    @Test func `goes to what the descriptor is now`() throws {
        let (reader, writer) = try pipe()
        let (other, full) = try pipe()
        let open = dup(writer)
        defer { for fd in [reader, writer, other, full, open] { close(fd) } }
        let filling = LossyOutput(full, "the other")
        while filling.dropped == 0 { filling.write("line") }
        let output = LossyOutput(writer, "the test")
        output.write("one")
        #expect(read(reader) == "one\n")
        // The first pipe stays, and has room.
        #expect(dup2(full, writer) == writer)
        output.write("two")
        #expect(output.dropped == 1 && read(reader).isEmpty)
        #expect(dup2(open, writer) == writer)
        output.write("three")
        #expect(read(reader) == "1 line(s) were dropped here: nobody reads the test\nthree\n")
    }

    @Test func `goes into files, and nowhere without a descriptor`() throws {
        let file = ControlFile.make("")
        let output = LossyOutput(file, "the test")
        output.write("one")
        output.write(String(repeating: "x", count: 10_000))
        #expect(output.dropped == 0 && lseek(file, 0, SEEK_CUR) == 10_005)
        close(file)
        let (reader, writer) = try pipe()
        close(reader)
        signal(SIGPIPE, SIG_IGN)  // As services do.
        let broken = LossyOutput(writer, "the test")
        broken.write("lost")
        close(writer)
        broken.write("lost")
        #expect(broken.dropped == 2)
    }
}
