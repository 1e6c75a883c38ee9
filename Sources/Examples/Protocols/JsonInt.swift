import Apus

/// JSON behind its length: four bytes, big-endian, which count themselves, as in the frame protocol.
///
///     Examples JsonInt start --on HOST:PORT [--count N]
///     Examples JsonIntClient --to HOST:PORT VALUE…
///
/// Try `Examples JsonIntClient --to 127.0.0.1:1234 '{"a":1}'`. Unlike `JsonNL` it allows JSON of several lines, and
/// finds the end of a large message without looking for it.
nonisolated struct JsonInt: PacketProtocol {
    typealias Inbound = JSONValue
    typealias Outbound = JSONValue

    func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength { Frame().frame(bytes) }

    func decode(_ packet: UnsafeRawBufferPointer) throws -> JSONValue { try JSONValue(json: packet.dropFirst(4)) }

    func encode(_ message: JSONValue, into packet: inout [UInt8]) throws {
        try Frame().encode(message.json(), into: &packet)
    }
}

@MainActor extension JsonInt {
    static func set(_ arguments: [String]) throws { try JSONEcho.serve(JsonInt(), arguments) }
    static func ask(_ arguments: [String]) throws { try JSONEcho.ask(JsonInt(), arguments) }
}
