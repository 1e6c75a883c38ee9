import FoundationEssentials

/// Writes values as JSON (RFC 8259) straight into bytes, several times as fast as `JSONEncoder`, which first builds a
/// tree of them, with the same result as that one has without options; only `/` is not escaped.
///
/// Values may write into containers in any order, of which this knows only the natural one: whoever meets another one,
/// or an error, is told by `isBroken` to use `JSONEncoder`, which also knows how to say what is wrong.
nonisolated final class JSONWriter {
    // Not looked at by two at a time; checking that would cost as much as the writing.
    @exclusivity(unchecked) private(set) var bytes: [UInt8] = []
    /// The containers that are not closed, from the outermost on.
    @exclusivity(unchecked) private var open: [Container] = []
    @exclusivity(unchecked) private var lastSerial = 0
    /// What was written is of no use.
    @exclusivity(unchecked) private(set) var isBroken = false

    private struct Container {
        let isObject: Bool
        let serial: Int
        var isEmpty = true
    }

    /// A container that somebody writes into.
    struct Place {
        let index: Int
        let serial: Int
    }

    init() { bytes.reserveCapacity(256) }

    /// The bytes of a value; nil when `JSONEncoder` has to be asked.
    static func encode(_ value: some Encodable) -> [UInt8]? {
        let writer = JSONWriter()
        do {
            try writer.encode(value)
        } catch {
            return nil
        }
        return writer.isBroken ? nil : writer.bytes
    }

    var depth: Int { open.count }

    // MARK: Containers

    /// Opens a container as the next value.
    func begin(isObject: Bool) -> Place {
        lastSerial += 1
        bytes.append(isObject ? UInt8(ascii: "{") : UInt8(ascii: "["))
        open.append(Container(isObject: isObject, serial: lastSerial))
        return Place(index: open.count - 1, serial: lastSerial)
    }

    /// The container that stands for a value of that depth: a subclass and its superclass share theirs.
    func container(at depth: Int, isObject: Bool) -> Place {
        if open.count == depth { return begin(isObject: isObject) }
        guard open.count > depth, open[depth].isObject == isObject else {
            isBroken = true
            return Place(index: .max, serial: 0)
        }
        return Place(index: depth, serial: open[depth].serial)
    }

    /// The next value goes into `place`: what was opened inside of it is complete. False when that is closed itself.
    @inline(__always)
    func enter(_ place: Place) -> Bool {
        guard place.index < open.count, open[place.index].serial == place.serial else {
            isBroken = true
            return false
        }
        close(to: place.index + 1)
        if open[place.index].isEmpty {
            open[place.index].isEmpty = false
        } else {
            bytes.append(UInt8(ascii: ","))
        }
        return true
    }

    func enter(_ place: Place, key: String) -> Bool {
        guard enter(place) else { return false }
        write(key)
        bytes.append(UInt8(ascii: ":"))
        return true
    }

    @inline(__always)
    private func close(to depth: Int) {
        while open.count > depth {
            bytes.append(open.removeLast().isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"))
        }
    }

    // MARK: Values

    func encode<T: Encodable>(_ value: T) throws {
        // As JSONEncoder writes them, rather than as they write themselves.
        if T.self == String.self { return write(value as! String) }
        if T.self == Data.self { return write((value as! Data).base64EncodedString()) }
        if T.self == URL.self { return write((value as! URL).absoluteString) }
        if T.self == Decimal.self { return write(number: (value as! Decimal).description) }
        let depth = open.count
        let count = bytes.count
        try value.encode(to: JSONValueEncoder(writer: self, depth: depth))
        if bytes.count == count { isBroken = true }
        close(to: depth)
    }

    func writeNull() { bytes.append(contentsOf: "null".utf8) }

    func write(_ value: Bool) { bytes.append(contentsOf: value ? "true".utf8 : "false".utf8) }

    func write(number: String) { bytes.append(contentsOf: number.utf8) }

    func write(_ value: some BinaryInteger) { bytes.append(contentsOf: String(value).utf8) }

    func write(_ value: some BinaryFloatingPoint & CustomStringConvertible) {
        guard value.isFinite else {
            isBroken = true
            return
        }
        let text = value.description
        bytes.append(contentsOf: text.hasSuffix(".0") ? text.dropLast(2).utf8 : text[...].utf8)
    }

    func write(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { utf8 in
            if utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C }) {
                bytes.append(contentsOf: utf8)
            } else {
                for byte in utf8 { escape(byte) }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// RFC 8259 §7.
    private func escape(_ byte: UInt8) {
        let short: UInt8? =
            switch byte {
            case 0x22, 0x5C: byte
            case 0x08: UInt8(ascii: "b")
            case 0x09: UInt8(ascii: "t")
            case 0x0A: UInt8(ascii: "n")
            case 0x0C: UInt8(ascii: "f")
            case 0x0D: UInt8(ascii: "r")
            default: nil
            }
        if let short {
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(short)
        } else if byte < 0x20 {
            bytes.append(contentsOf: (byte < 0x10 ? "\\u000" : "\\u00").utf8)
            bytes.append(contentsOf: String(byte, radix: 16).utf8)
        } else {
            bytes.append(byte)
        }
    }
}
