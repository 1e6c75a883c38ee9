/// Reads exactly one frame, whose end `STOMPFraming` has found.
package enum STOMPDecoder {
    /// `version` is what the connection speaks; nil before that was agreed on.
    package static func decode(
        _ bytes: UnsafeRawBufferPointer, version: STOMPVersion?
    ) throws(STOMPSyntaxError) -> STOMPFrame {
        guard bytes.last == 0 else { throw STOMPSyntaxError("a frame is not ended") }
        var start = 0
        let command = try text(try line(bytes, &start, dropsReturn: true))
        guard !command.isEmpty, command.utf8.allSatisfy({ (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) })
        else { throw STOMPSyntaxError("a frame has no command") }
        // These two are read before the version is known.
        let isGreeting = command == "CONNECTED" || command == "CONNECT" || command == "STOMP"
        let escapes = isGreeting ? STOMPEscapes.none : STOMPEscapes(version)
        // In 1.1 a carriage return is a part of the value like any other byte.
        let dropsReturn = isGreeting || version.map { $0 == .v1_2 } ?? true
        var frame = STOMPFrame(command)
        while true {
            let line = try line(bytes, &start, dropsReturn: dropsReturn)
            if line.isEmpty || !dropsReturn && line.elementsEqual([STOMPByte.carriageReturn]) { break }
            guard let colon = line.firstIndex(of: STOMPByte.colon), colon > line.startIndex else {
                throw STOMPSyntaxError("a header has no name or no value")
            }
            let name = try text(try escapes.decode(line[..<colon]))
            frame.headers.append(name, try text(try escapes.decode(line[(colon + 1)...])))
        }
        frame.body = Array(bytes[start..<(bytes.count - 1)])
        return frame
    }

    private static func line(
        _ bytes: UnsafeRawBufferPointer, _ start: inout Int, dropsReturn: Bool
    ) throws(STOMPSyntaxError) -> Slice<UnsafeRawBufferPointer> {
        guard let end = bytes[start...].firstIndex(of: STOMPByte.lineFeed) else {
            throw STOMPSyntaxError("a line has no end")
        }
        let line = bytes[start..<end]
        start = end + 1
        return dropsReturn && line.last == STOMPByte.carriageReturn ? line.dropLast() : line
    }

    private static func text(_ bytes: some Collection<UInt8>) throws(STOMPSyntaxError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw STOMPSyntaxError("a header is not UTF-8")
        }
        return text
    }
}
