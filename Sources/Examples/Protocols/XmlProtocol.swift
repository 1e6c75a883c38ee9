import Apus

/// XML documents behind their length: ten decimal digits, which count themselves. Simple to write in any language.
///
///     Examples XmlProtocol start --on HOST:PORT [--count N]
///     Examples XmlProtocolClient --to HOST:PORT DOCUMENT…
///
/// Try `Examples XmlProtocolClient --to 127.0.0.1:1234 '<a/>'`, which sends `0000000014<a/>`.
nonisolated struct XmlProtocol: PacketProtocol {

    private static let headerLength = 10

    func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength {
        let digits = bytes.prefix(Self.headerLength)
        // `Int(String)` would take a sign, too. A wrong byte is wrong before the others have come.
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return .invalid("the length is no number") }
        guard digits.count == Self.headerLength else { return .needMore }
        // Ten digits fit 64 bits. Whether the packet is too large is for Apus to say.
        let length = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return length >= Self.headerLength ? .length(length) : .invalid("\(length) bytes are less than a header")
    }

    func decode(_ packet: UnsafeRawBufferPointer) throws -> String {
        guard let document = String(validating: packet.dropFirst(Self.headerLength), as: UTF8.self) else {
            throw XmlError(description: "the document is not UTF-8")
        }
        return document
    }

    func encode(_ document: String, into packet: inout [UInt8]) throws {
        let digits = String(Self.headerLength + document.utf8.count).utf8
        guard digits.count <= Self.headerLength else {
            throw XmlError(description: "\(document.utf8.count) bytes are too many for ten digits")
        }
        packet += repeatElement(0x30, count: Self.headerLength - digits.count)
        packet += digits
        packet += document.utf8
    }
}

/// A document that cannot be taken from a packet, or put into one.
nonisolated struct XmlError: Error, CustomStringConvertible {
    let description: String
}

@MainActor extension XmlProtocol {
    static func set(_ arguments: [String]) throws {
        let options = Options(arguments)
        let server = Worker(XmlProtocol(), on: try options.required("on"))
        server.name = "XmlProtocol"
        server.count = try options.number("count") ?? 1
        server.onMessage = { connection, document in
            connection.send("<reply><code>0</code><bytes>\(document.utf8.count)</bytes></reply>")
        }
    }

    static func ask(_ arguments: [String]) throws {
        let options = Options(arguments)
        guard !options.words.isEmpty else { throw OptionError(description: "documents to send are needed") }
        try Conversation.hold(XmlProtocol(), to: try options.required("to"), options.words) { print($0) }
    }
}
