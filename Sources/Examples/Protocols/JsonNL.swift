import Apus

/// One JSON value a line. The lines are those of the text protocol: protocols can be made of others.
///
///     Examples JsonNL start --on HOST:PORT [--count N]
///     Examples JsonNLClient --to HOST:PORT VALUE…
///
/// Try `Examples JsonNLClient --to 127.0.0.1:1234 '{"a":1}' '[1,"two"]'`, or type JSON into `telnet`. What is no JSON
/// ends its connection, and the log says so.
nonisolated struct JsonNL: PacketProtocol {
    typealias Inbound = JSONValue
    typealias Outbound = JSONValue

    func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength { Text().frame(bytes) }
    func frame(_ bytes: UnsafeRawBufferPointer, searched: Int) -> FrameLength {
        Text().frame(bytes, searched: searched)
    }

    func decode(_ packet: UnsafeRawBufferPointer) throws -> JSONValue { try JSONValue(json: packet) }

    func encode(_ message: JSONValue, into packet: inout [UInt8]) throws {
        // JSON escapes the line feeds of its strings: the one at the end is the only one.
        packet += try message.json()
        packet.append(0x0A)
    }
}

@MainActor extension JsonNL {
    static func set(_ arguments: [String]) throws { try JSONEcho.serve(JsonNL(), arguments) }
    static func ask(_ arguments: [String]) throws { try JSONEcho.ask(JsonNL(), arguments) }
}
