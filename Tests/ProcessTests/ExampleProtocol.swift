import TestSupport

/// One of the example protocols of spec 05 §13 as seen from the wire, independently of the code under test.
struct ExampleProtocol: Sendable, CustomStringConvertible {
    /// A packet and what the example's server answers to it.
    struct Exchange: Sendable {
        let packet: [UInt8]
        let answer: [UInt8]
    }

    /// The recipe.
    let name: String
    let savesFiles: Bool
    /// Exchanges that differ with their number, so that answers cannot be mistaken for those of other rounds.
    let exchanges: @Sendable (_ round: Int) -> [Exchange]
    /// What ends its connection.
    let invalid: [[UInt8]]

    var description: String { name }

    static let all = [jsonNL, jsonInt, xml, binary, text]

    static let jsonNL = ExampleProtocol(
        name: "JsonNL", savesFiles: false,
        exchanges: { round in
            [
                ("{\"a\":\(round)}\n", "{\"a\":\(round)}"),
                ("[\(round), \"ü\\n\", null]\r\n", "[\(round),\"ü\\n\",null]"),
                ("true\n", "true"),
            ].map { Exchange(packet: bytes($0), answer: bytes(echo($1) + "\n")) }
        },
        invalid: [
            "nonsense\n", "{\"a\":1\n", "\n", "NaN\n", "1e999\n", "{'a':1}\n", "{} {}\n", nested(18) + "\n",
            nested(20_000) + "\n", String(repeating: " ", count: 65536),
        ].map(bytes) + [[0xFF, 0xFE, 0x0A], [0x22, 0xC3, 0x22, 0x0A]])

    static let jsonInt = ExampleProtocol(
        name: "JsonInt", savesFiles: false,
        exchanges: { round in
            [("{\"a\":\(round)}", "{\"a\":\(round)}"), ("[\n\(round), 2.5]", "[\(round),2.5]"), ("\"\"", "\"\"")]
                .map { Exchange(packet: framed(bytes($0)), answer: framed(bytes(echo($1)))) }
        },
        invalid: ["nonsense", "", "{", nested(18), nested(20_000)].map { framed(bytes($0)) } + [
            [0, 0, 0, 0], [0, 0, 0, 3], [0xFF, 0xFF, 0xFF, 0xFF], [0x7F, 0xFF, 0xFF, 0xFF], [0, 1, 0, 1],
            framed([0xFF, 0xFE]),
        ])

    static let xml = ExampleProtocol(
        name: "XmlProtocol", savesFiles: false,
        exchanges: { round in
            ["<a/>", "<b>ü \(round)</b>", ""].map { document in
                let answer = "<reply><code>0</code><bytes>\(document.utf8.count)</bytes></reply>"
                return Exchange(packet: tenDigits(document), answer: tenDigits(answer))
            }
        },
        invalid: [
            "0000000009", "0000000000", "+000000014<a/>", "-000000014<a/>", " 000000014<a/>", "000000014 <a/>", "x",
            "000000001x<a/>", "9999999999", "0010485761", "٠٠٠٠٠",
        ].map(bytes) + [bytes("0000000012") + [0xFF, 0xFE], bytes("0000000011") + [0xC3]])

    static let binary = ExampleProtocol(
        name: "BinaryTransfer", savesFiles: true,
        exchanges: { round in
            [
                Exchange(packet: file("a\(round).txt", bytes("data")), answer: saved(4, "a\(round).txt")),
                Exchange(packet: file("empty\(round)", []), answer: saved(0, "empty\(round)")),
            ]
        },
        invalid: [
            [0, 0, 0, 0], [0, 0, 0, 4], [0, 0, 0, 5, 1], [0, 0, 0, 14, 10] + bytes("a.txtdata"),
            [0, 0, 0, 6, 255, 0x61], [0xFF, 0xFF, 0xFF, 0xFF, 0], [0, 0xA0, 0, 1, 0],
        ])

    static let text = ExampleProtocol(
        name: "TextTransfer", savesFiles: true,
        exchanges: { round in
            [
                Exchange(
                    packet: bytes("{\"file_name\":\"a\(round).txt\",\"file_data\":\"ZGF0YQ==\"}\n"),
                    answer: saved(4, "a\(round).txt")),
                Exchange(
                    packet: bytes("{\"file_data\": \"\", \"file_name\": \"empty\(round)\"}\r\n"),
                    answer: saved(0, "empty\(round)")),
            ]
        },
        invalid: [
            "\n", "x\n", "{}\n", "[]\n", "{\"file_name\":\"a\"}\n", "{\"file_name\":\"a\",\"file_data\":\"***\"}\n",
            "{\"file_name\":1,\"file_data\":\"\"}\n", "{\"file_name\":\"a\",\"file_data\":null}\n", nested(5000) + "\n",
        ].map(bytes))

    // MARK: Bytes

    static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
    static func echo(_ json: String) -> String { "{\"code\":0,\"data\":\(json),\"msg\":\"ok\"}" }
    static func saved(_ count: Int, _ name: String) -> [UInt8] { bytes("saved \(count) bytes as \(name)\n") }

    static func framed(_ payload: [UInt8]) -> [UInt8] {
        let length = payload.count + 4
        return [24, 16, 8, 0].map { UInt8(length >> $0 & 0xFF) } + payload
    }

    static func file(_ name: String, _ data: [UInt8]) -> [UInt8] { file(bytes(name), data) }
    static func file(_ name: [UInt8], _ data: [UInt8]) -> [UInt8] { framed([UInt8(name.count)] + name + data) }

    static func tenDigits(_ document: String) -> [UInt8] {
        let digits = "\(document.utf8.count + 10)"
        return bytes(String(repeating: "0", count: 10 - digits.count) + digits + document)
    }

    static func nested(_ depth: Int) -> String {
        String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
}

/// An example's server with one process, and what it saves.
struct ExampleServer {
    let service: Service
    let master: ServerProcess
    let endpoint: Endpoint
    /// Where it saves files.
    let files: TemporaryFolder

    init(_ example: ExampleProtocol, _ backend: String) throws {
        files = try TemporaryFolder()
        let options = ["--on", "127.0.0.1:0"] + (example.savesFiles ? ["--into", files.path] : [])
        service = try Service("Examples", example.name, backend, options)
        (master, endpoint) = try service.start()
    }

    var worker: ProcessFacts? { master.children.first }

    /// Its process has served all along.
    var hasNotCrashed: Bool { !service.log.contains("exit with status") }
}

/// What a client among the examples came to.
struct ExampleClient {
    let status: ExitStatus
    let output: String
    let errors: String

    init(_ recipe: String, _ arguments: [String]) throws {
        let folder = try TemporaryFolder()
        let process = try ServerProcess("Examples", [recipe] + arguments, in: folder)
        output = try process.outputToEnd()
        status = try process.waitForExit()
        errors = process.errorText
    }
}
