import Apus

/// What a callback may be: a closure, a function, a method of an object, a static method, a closure that waits. Each
/// answers on a port of its own.
///
///     Examples CallbackStyles start [--on HOST:PORT]
///
/// The port is the first of five; with port 0 the kernel chooses all of them.
enum CallbackStyles {
    static func set(_ arguments: [String]) throws {
        let addresses = try fiveAddresses(Options(arguments).value("on") ?? "127.0.0.1:5001")

        let closure = Worker(.text, on: addresses[0])
        closure.name = "closure"
        closure.onMessage = { connection, line in connection.send("closure: \(line)") }

        let function = Worker(.text, on: addresses[1])
        function.name = "function"
        function.onMessage = answerByFunction

        // An object that owns something is made where it is used, in the process: what stands here runs in the master
        // and in every process.
        let method = Worker(.text, on: addresses[2])
        method.name = "method"
        method.onWorkerStart = { worker in
            let counter = LineCounter()
            worker.onMessage = counter.answer
        }

        let staticMethod = Worker(.text, on: addresses[3])
        staticMethod.name = "static method"
        staticMethod.onMessage = Shouter.answer

        // Other connections go on while it waits, and the next line of this one waits for it.
        let waiting = Worker(.text, on: addresses[4])
        waiting.name = "async closure"
        waiting.onMessageAsync = { connection, line in
            try await Timer.sleep(0.1)
            connection.send("async closure, later: \(line)")
        }
    }

    private static func fiveAddresses(_ first: String) throws -> [String] {
        guard let colon = first.lastIndex(of: ":"), let port = UInt16(first[first.index(after: colon)...]),
            port <= .max - 4
        else { throw OptionError(description: "--on needs HOST:PORT, not \(first)") }
        return (0..<5).map { "\(first[..<colon]):\(port == 0 ? 0 : Int(port) + $0)" }
    }
}

/// A free function.
private func answerByFunction(_ connection: Connection<Text>, _ line: String) {
    connection.send("function: \(line)")
}

/// An object with a method.
private final class LineCounter {
    private var count = 0

    func answer(_ connection: Connection<Text>, _ line: String) {
        count += 1
        connection.send("method, line \(count): \(line)")
    }
}

/// A type with a static method. What it throws closes the connection, and is logged.
private enum Shouter {
    struct NothingToShout: Error {}

    static func answer(_ connection: Connection<Text>, _ line: String) throws {
        guard !line.isEmpty else { throw NothingToShout() }
        connection.send("static method: \(line.uppercased())")
    }
}
