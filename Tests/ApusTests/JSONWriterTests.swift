import Foundation
import Testing

@testable import ApusWeb

/// JSON as the convenience API writes it, beside Foundation's.
@Suite nonisolated struct JSONWriterTests {
    private struct Everything: Codable, Equatable {
        var text = "plain"
        var escapes = "\"\\\u{8}\t\n\u{c}\r\u{1}\u{1f}/\u{7f}ü\u{2028}😀"
        var yes = true
        var no = false
        var integers: [Int] = [0, -1, .max, .min]
        var small: Int8 = -128
        var large: UInt64 = .max
        var doubles: [Double] = [0, -0.0, 1, 1.5, 1e20, 1e-9, .pi, .greatestFiniteMagnitude, .leastNonzeroMagnitude]
        var float: Float = 0.1
        var missing: Int?
        var none: [Int?] = [nil, 1]
        var map = ["key": ["a", "b"]]
        var empty: [String: Int] = [:]
        var nothing: [[Int]] = [[], [[1], []].flatMap { $0 }]
        var numbers = [1: "one"]
        var data = Data([0, 1, 255])
        var url = URL(string: "https://example.org/a?b=c")!
        var decimal = Decimal(string: "12345678901234567890.5")!
        var date = Date(timeIntervalSinceReferenceDate: 1.5)
        var kind = Kind.second
        var nested = Nested()
    }
    private enum Kind: String, Codable { case first, second }
    private struct Nested: Codable, Equatable {
        struct Void: Codable, Equatable {}
        var void = Void()
        var optional: Void? = Void()
    }

    private class Base: Encodable {
        var base = 1
    }
    /// Writes into the same object as its superclass.
    private class Derived: Base {
        var derived = 2
        enum Keys: CodingKey { case derived }
        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(derived, forKey: .derived)
            try super.encode(to: encoder)
        }
    }

    /// Containers in all ways that the protocol has.
    private struct ByHand: Encodable {
        var isInterleaved: Bool
        enum Keys: CodingKey { case a, b, c, d }
        func encode(to encoder: any Encoder) throws {
            var object = encoder.container(keyedBy: Keys.self)
            try object.encodeNil(forKey: .a)
            var list = object.nestedUnkeyedContainer(forKey: .b)
            try list.encode(1)
            var inner = list.nestedContainer(keyedBy: Keys.self)
            try inner.encode("x", forKey: .a)
            var deep = list.nestedUnkeyedContainer()
            try deep.encodeNil()
            try list.encode(Float(2.5))
            try Base().encode(to: list.superEncoder())
            try Base().encode(to: object.superEncoder())
            try Base().encode(to: object.superEncoder(forKey: .d))
            var late = object.nestedContainer(keyedBy: Keys.self, forKey: .c)
            if isInterleaved { try object.encode(3, forKey: .d) }
            try late.encode(true, forKey: .a)
        }
    }

    private struct Silent: Encodable {
        func encode(to encoder: any Encoder) {}
    }

    /// Members in the order of their names, so that texts can be compared.
    private func sorted(_ bytes: some Sequence<UInt8>) throws -> String {
        let value = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
        return String(
            decoding: try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .fragmentsAllowed]),
            as: UTF8.self)
    }

    private func isAsFoundation(_ value: some Encodable) throws -> Bool {
        let bytes = try #require(JSONWriter.encode(value))
        let foundation = try sorted(JSONEncoder().encode(value))
        let own = try sorted(bytes)
        if own != foundation { print(own, foundation) }
        return own == foundation
    }

    @Test func valuesOfAllKinds() throws {
        let value = Everything()
        let bytes = try #require(JSONWriter.encode(value))
        #expect(try JSONDecoder().decode(Everything.self, from: Data(bytes)) == value)
        #expect(try isAsFoundation(value))
        #expect(try isAsFoundation("fragment") && isAsFoundation(7) && isAsFoundation([Kind.first]))
        #expect(try isAsFoundation(Int?.none) && isAsFoundation(Date()) && isAsFoundation([Data()]))
        #expect(try isAsFoundation(Derived()) && isAsFoundation(ByHand(isInterleaved: false)))
    }

    /// Those are left to an encoder that knows what to do, or to say.
    @Test func whatIsNotForIt() {
        #expect(JSONWriter.encode(ByHand(isInterleaved: true)) == nil)
        #expect(JSONWriter.encode(Double.nan) == nil && JSONWriter.encode([Float.infinity]) == nil)
        #expect(JSONWriter.encode(Silent()) == nil && JSONWriter.encode(["a": Silent()]) == nil)
    }
}
