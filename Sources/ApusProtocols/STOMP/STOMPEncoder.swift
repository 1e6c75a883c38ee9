/// Frames as bytes.
package enum STOMPEncoder {
    /// Appends a frame as `version` has it; nil before that was agreed on. A `content-length` is written as it stands
    /// in the frame: without one the body must not hold a zero byte.
    package static func append(
        _ frame: STOMPFrame, version: STOMPVersion?, to bytes: inout [UInt8]
    ) throws(STOMPSyntaxError) {
        let command = frame.command.utf8
        guard (1...STOMPFraming.maxCommandBytes).contains(command.count),
            command.allSatisfy({ (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) })
        else { throw STOMPSyntaxError("a command consists of capital letters") }
        let isGreeting = frame.command == "CONNECT" || frame.command == "CONNECTED" || frame.command == "STOMP"
        let escapes = isGreeting ? STOMPEscapes.none : STOMPEscapes(version)
        // In 1.2, and where the version is unknown, a return at the end of a line is none of the value's.
        let forbidsReturn = isGreeting || version.map { $0 != .v1_1 } ?? true
        var head: [UInt8] = Array(command) + [STOMPByte.lineFeed]
        for field in frame.headers.fields {
            guard !field.name.isEmpty else { throw STOMPSyntaxError("a header has no name") }
            try escapes.append(field.name, isName: true, forbidsReturn: forbidsReturn, to: &head)
            head.append(STOMPByte.colon)
            try escapes.append(field.value, isName: false, forbidsReturn: forbidsReturn, to: &head)
            head.append(STOMPByte.lineFeed)
        }
        head.append(STOMPByte.lineFeed)
        if let length = frame.headers["content-length"] {
            guard length == String(frame.body.count) else {
                throw STOMPSyntaxError("the body has \(frame.body.count) bytes, not \(length)")
            }
        } else if frame.body.contains(0) {
            throw STOMPSyntaxError("a body with a zero byte needs its content-length")
        }
        bytes.reserveCapacity(bytes.count + head.count + frame.body.count + 1)
        bytes += head
        bytes += frame.body
        bytes.append(0)
    }
}

/// What stands for bytes that would end a header or its name. STOMP 1.2, "Value Encoding".
enum STOMPEscapes {
    case none
    /// Line feed, colon, backslash.
    case three
    /// Carriage return as well.
    case four

    init(_ version: STOMPVersion?) {
        switch version {
        case nil, .v1_0: self = .none
        case .v1_1: self = .three
        case .v1_2: self = .four
        }
    }

    /// Anything else than the escapes that the version has is an error.
    func decode(_ bytes: Slice<UnsafeRawBufferPointer>) throws(STOMPSyntaxError) -> [UInt8] {
        if case .none = self { return Array(bytes) }
        guard bytes.contains(STOMPByte.backslash) else { return Array(bytes) }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            index += 1
            guard byte == STOMPByte.backslash else {
                result.append(byte)
                continue
            }
            let letter = index < bytes.endIndex ? bytes[index] : 0
            index += 1
            switch (letter, self) {
            case (UInt8(ascii: "n"), _): result.append(STOMPByte.lineFeed)
            case (UInt8(ascii: "c"), _): result.append(STOMPByte.colon)
            case (STOMPByte.backslash, _): result.append(STOMPByte.backslash)
            case (UInt8(ascii: "r"), .four): result.append(STOMPByte.carriageReturn)
            default: throw STOMPSyntaxError("a header has an escape that there is not")
            }
        }
        return result
    }

    func append(
        _ text: String, isName: Bool, forbidsReturn: Bool, to bytes: inout [UInt8]
    ) throws(STOMPSyntaxError) {
        for byte in text.utf8 {
            switch (byte, self) {
            case (0, _): throw STOMPSyntaxError("a header cannot hold a zero byte")
            case (STOMPByte.lineFeed, .none): throw STOMPSyntaxError("a header of this frame cannot hold a line feed")
            case (STOMPByte.colon, .none) where isName:
                throw STOMPSyntaxError("the name of a header of this frame cannot hold a colon")
            case (STOMPByte.carriageReturn, .none) where forbidsReturn:
                throw STOMPSyntaxError("a header of this frame cannot hold a carriage return")
            case (_, .none): bytes.append(byte)
            case (STOMPByte.lineFeed, _): bytes += [STOMPByte.backslash, UInt8(ascii: "n")]
            case (STOMPByte.colon, _): bytes += [STOMPByte.backslash, UInt8(ascii: "c")]
            case (STOMPByte.backslash, _): bytes += [STOMPByte.backslash, STOMPByte.backslash]
            case (STOMPByte.carriageReturn, .four): bytes += [STOMPByte.backslash, UInt8(ascii: "r")]
            default: bytes.append(byte)
            }
        }
    }
}
