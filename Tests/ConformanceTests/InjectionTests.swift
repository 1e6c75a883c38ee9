import Glibc
import TestSupport
import Testing

/// What a client sends stands in answers and logs as text, and is never read as more than that.
@Suite struct InjectionTests {
    /// Each of them would begin a field, a message or a line of its own where bytes are passed on as they are.
    private static let texts = [
        "a\r\nInjected: 1", "a\nInjected: 1", "a\rInjected: 1", "\r\nInjected: 1", "a\r\n\r\nInjected: 1",
        "a\r\nSet-Cookie: Injected=1", "a\r\n Injected", "a\u{0}Injected: 1", "a\u{0}\r\nInjected: 1",
        "é\r\nInjected: 1", "a\u{85}Injected: 1", "a\u{2028}Injected: 1", "a\u{10D}\u{10A}Injected: 1",
        "a; \r\nInjected: 1", "a\"\r\nInjected: 1", "a\u{7F}Injected: 1", "a\u{B}\u{C}Injected: 1",
    ]

    private static func escaped(_ text: String) -> String {
        text.utf8.map { ($0 < 16 ? "%0" : "%") + String($0, radix: 16) }.joined()
    }

    /// A control character, or a line end that is none.
    private static func isBroken(_ head: [UInt8]) -> Bool {
        for (index, byte) in head.enumerated() where byte < 0x20 || byte == 0x7F {
            switch byte {
            case 0x0D where index + 1 < head.count && head[index + 1] == 0x0A: continue
            case 0x0A where index > 0 && head[index - 1] == 0x0D: continue
            case 0x09: continue
            default: return true
            }
        }
        return false
    }

    @Test(
        arguments: Setup.eachBackend.filter { !$0.isSecured },
        [
            "name", "value", "set", "literal", "location", "cookie-name", "cookie-value", "cookie-path",
            "cookie-domain", "reason", "type", "download", "error", "trailer",
        ])
    func answersCannotBeSplit(_ setup: Setup, _ place: String) async throws {
        let folder = try TemporaryFolder()
        try writeText("answered", to: folder.file("file"))
        try await withScenario("echoed-fields", setup, ["--file", folder.file("file")]) { server in
            for text in Self.texts {
                let client = try server.connect()
                try client.send(
                    "GET /\(place)?t=\(Self.escaped(text)) HTTP/1.1\r\nHost: h\r\n\r\n"
                        + "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                let bytes = try client.readToEnd().bytes
                let note = "\(text.debugDescription): \(String(decoding: bytes, as: UTF8.self).debugDescription)"
                #expect(!Self.isBroken(bytes), "\(note)")
                let lines = bytes.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
                #expect(!lines.contains { $0.hasPrefix("Injected") || $0.hasPrefix(" Injected") }, "\(note)")
                #expect(!lines.contains { $0.hasPrefix("Set-Cookie: Injected") }, "\(note)")
                #expect(lines.count { $0.hasPrefix("HTTP/1.1 ") || $0.contains("answeredHTTP/1.1 ") } >= 1, "\(note)")
                #expect(bytes.suffix(8).elementsEqual("answered".utf8), "\(note)")
            }
            // What can stand there does.
            let client = try server.connect()
            try client.send("GET /\(place)?t=harmless HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(try client.textToEnd().contains("harmless"), "\(place)")
        }
    }

    /// Neither begins a line of the log, or steers the terminal of who looks at it.
    @Test(arguments: Setup.eachBackend.filter { !$0.isSecured })
    func linesOfTheLogCannotBeForged(_ setup: Setup) async throws {
        let forged = "2026-01-01 00:00:00 pid:1 forged"
        let texts = [
            "\n", "\r", "\r\n", "\u{85}", "\u{2028}", "\u{2029}", "\u{1B}[2J\u{1B}[H", "\u{9B}2J", "\u{0}\u{7F}\u{8}",
        ]
        try await withScenario("echoed-fields", setup) { server in
            for place in ["log", "throw", "late-throw"] {
                for text in texts {
                    let client = try server.connect()
                    let target = "/\(place)?t=\(Self.escaped("before\(text)\(forged)"))"
                    try client.send("GET \(target) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                    #expect(try client.textToEnd().hasPrefix("HTTP/1.1 \(place == "log" ? 200 : 500) "))
                }
            }
            let log = server.log
            #expect(log.ranges(of: forged).count == 3 * texts.count)
            for line in log.split(separator: "\n") {
                #expect(
                    line.wholeMatch(of: /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d pid:\d+ .*/) != nil, "\(line.debugDescription)")
                #expect(!line.hasPrefix(forged))
            }
            for text in [log, server.process.errorText] {
                let isSteering = text.unicodeScalars.contains {
                    $0.value < 0x20 && $0 != "\n" || (0x7F...0x9F).contains($0.value)
                        || (0x2028...0x2029).contains($0.value)
                }
                #expect(!isSteering, "\(text.debugDescription)")
                #expect(!text.split(separator: "\n").contains { $0.hasPrefix(forged) && $0.hasSuffix("forged") })
            }
        }
    }

    /// A protocol that refuses a packet may quote it.
    @Test(arguments: Setup.eachBackend)
    func refusedPacketsCannotForgeLines(_ setup: Setup) async throws {
        try await withPuppet("marked", setup) { server in
            let client = try server.connect()
            try server.event("connect")
            try client.send("x\n2026-01-01 00:00:00 pid:1 forged\u{1B}[2J|")
            _ = try client.readToEnd()
            try server.event("close")
            #expect(server.log.contains("Error package."))
            #expect(!server.log.contains("\u{1B}") && !server.log.contains("\n2026-01-01 00:00:00 pid:1"))
        }
    }
}
