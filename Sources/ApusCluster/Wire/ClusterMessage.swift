import ApusProtocols

/// A message of the cluster's servers: a JSON object whose members are looked at one by one, and whose values are
/// passed on as they came.
nonisolated struct ClusterMessage {
    /// Why a message is none.
    struct Failure: Error {
        let reason: String
    }

    private let bytes: [UInt8]
    private var members: [(name: String, range: Range<Int>)] = []

    init(_ bytes: [UInt8]) throws(Failure) {
        self.bytes = bytes
        var found: [(String, Range<Int>)] = []
        do {
            try bytes.withUnsafeBytes { try JSONScanner.members(of: $0) { found.append(($0, $1)) } }
        } catch {
            throw Failure(reason: "no JSON object: wrong at byte \((error as? JSONScanner.Failure)?.offset ?? 0)")
        }
        members = found
    }

    private func range(_ name: String) -> Range<Int>? { members.last { $0.name == name }?.range }

    /// A value as it came; nil when there is none.
    func json(_ name: String) -> [UInt8]? { range(name).map { Array(bytes[$0]) } }

    /// A string, or nil.
    func string(_ name: String) -> String? {
        guard let range = range(name) else { return nil }
        return bytes.withUnsafeBytes { try? JSONScanner.string(in: $0, range) }
    }

    /// A number, or nil.
    func number(_ name: String) -> Int? { text(name).flatMap { Int($0) } }

    /// A number that may have a fraction, or nil.
    func fraction(_ name: String) -> Double? { text(name).flatMap { Double($0) } }

    /// True when it says so.
    func flag(_ name: String) -> Bool { text(name) == "true" }

    /// Strings, or nil.
    func strings(_ name: String) -> [String]? {
        guard let range = range(name) else { return nil }
        return bytes.withUnsafeBytes { try? JSONScanner.strings(in: $0, range) }
    }

    private func text(_ name: String) -> String? { range(name).map { String(decoding: bytes[$0], as: UTF8.self) } }
}

/// Writes such a message.
nonisolated struct ClusterMessageWriter {
    private(set) var bytes: [UInt8] = [UInt8(ascii: "{")]

    mutating func add(_ name: String, _ text: String) {
        begin(name)
        JSONText.append(text, to: &bytes)
    }

    mutating func add(_ name: String, _ texts: [String]) {
        begin(name)
        JSONText.append(texts, to: &bytes)
    }

    mutating func add(_ name: String, _ number: Int) { add(name, json: Array(String(number).utf8)) }

    mutating func add(_ name: String, json value: [UInt8]) {
        begin(name)
        bytes += value
    }

    private mutating func begin(_ name: String) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        JSONText.append(name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
    }

    /// The whole message.
    var message: [UInt8] { bytes + [UInt8(ascii: "}")] }

    /// The whole message in a frame, for receivers who are many.
    var frame: [UInt8] {
        let count = UInt32(bytes.count + 5)
        return (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * UInt32($0))) } + message
    }
}
