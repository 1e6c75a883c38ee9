import ApusProtocols
import TestSupport
import Testing

private func list(_ value: String) -> [WebSocketExtension]? {
    Array(value.utf8).withUnsafeBytes { WebSocketExtension.list($0) }
}

private func show(_ extensions: [WebSocketExtension]) -> String {
    extensions.map { found in
        found.name + found.parameters.map { ";\($0.name)" + ($0.value.map { "=\($0)" } ?? "") }.joined()
    }.joined(separator: ",")
}

@Suite struct `WebSocket extensions` {
    @Test(arguments: [
        ("", ""), (" \t", ""), (",, ,", ""), ("a", "a"), ("a, b ,c", "a,b,c"), (", a,,b,", "a,b"),
        ("a;b;c=d", "a;b;c=d"), (" a ; b ; c=d , e ", "a;b;c=d,e"), (#"a;b="c""#, "a;b=c"),
        (#"a;b="c" , d"#, "a;b=c,d"), (#"a;b="\c\d""#, "a;b=cd"), ("a;b;b", "a;b;b"), ("A;B=C", "A;B=C"),
    ])
    func `are read`(_ value: String, _ expected: String) throws {
        #expect(show(try #require(list(value))) == expected)
    }

    @Test(arguments: [
        "a b", "a;", "a;;b", ";", ";a", "=", "a=b", "a;=b", "a;b=", "a;b =c", "a;b= c", "a;b=c d", #"a;b=""#,
        #"a;b="""#, #"a;b="c"#, #"a;b="c d""#, #"a;b="c,d""#, #"a;b="c\""#, #"a;b="c\"d""#, #"a;b="c\"#, #"a;b="c"d"#,
        #"a;b=c"d""#, #""a""#, "a;b=c=d", "é", "a;b=é", "a/b", "a\u{0}", "a;b c", #"a;b="é""#, #"a;b="\"#, #"a;b="\é""#,
    ])
    func `are malformed`(_ value: String) {
        #expect(list(value) == nil)
    }

    @Test func `never trap`() {
        var random = SeededGenerator(seed: 4)
        let pieces = ["a", ";", "=", ",", "\"", "\\", " ", "permessage-deflate", "client_max_window_bits", "8", "15"]
        var read = 0
        for _ in 0..<20_000 {
            let value = (0..<Int.random(in: 0...9, using: &random)).map { _ in pieces.randomElement(using: &random)! }
            guard let found = list(value.joined()) else { continue }
            read += 1
            #expect(list(show(found)) == found)
        }
        #expect(read > 1000)
    }
}

/// A server's settings: "S" and "C" for its own context and the client's not kept, then the window bits.
private func settings(_ text: String) -> WebSocketCompression {
    let words = text.split(separator: " ")
    var settings = WebSocketCompression.permessageDeflate
    settings.serverNoContextTakeover = words.contains("S")
    settings.clientNoContextTakeover = words.contains("C")
    for word in words where word.count > 1 {
        let bits = Int(word.dropFirst())!
        if word.hasPrefix("s") { settings.serverMaxWindowBits = bits } else { settings.clientMaxWindowBits = bits }
    }
    return settings
}

@Suite struct `Agreements on compression` {
    /// Offers; settings; the answer, where P is the extension's name, s.. and c.. its parameters.
    @Test(
        arguments: [
            ("P", "", "P"), ("x, P", "", "P"), ("x; P, y", "", nil), ("p, P;x, Q", "", nil), ("P", "S", "P;sn"),
            ("P", "C", "P;cn"), ("P", "S C", "P;sn;cn"), ("P;sn", "", "P;sn"), ("P;cn", "", "P;cn"),
            ("P;cn;sn", "", "P;sn;cn"), ("P", "s9", "P;sw=9"), ("P;sw=10", "", "P;sw=10"),
            ("P;sw=10", "s9", "P;sw=9"), ("P;sw=9", "s12", "P;sw=9"), ("P;sw=15", "", "P;sw=15"),
            ("P;cw", "", "P"), ("P;cw=15", "", "P"), ("P;cw", "c10", "P;cw=10"), ("P;cw=12", "", "P;cw=12"),
            ("P;cw=12", "c10", "P;cw=10"), ("P;cw=9", "c10", "P;cw=9"), ("P;cw=8", "", "P;cw=8"), ("P", "c10", "P"),
            ("P;cw=\"12\"", "", "P;cw=12"), ("P;sn;cn;sw=11;cw", "c9 s10", "P;sn;cn;sw=10;cw=9"),
            // A window of 8 bits cannot be had, so that the next offer counts.
            ("P;sw=8", "", nil), ("P;sw=8, P;sw=9", "", "P;sw=9"), ("P;sw=8, P", "", "P"),
            // RFC 7692 §7.1: unknown, repeated and invalid parameters decline an offer.
            ("P;x", "", nil), ("P;x, P;cn", "", "P;cn"), ("P;sn;sn", "", nil), ("P;cn;cn", "", nil),
            ("P;sn=1", "", nil),
            ("P;cn=\"1\"", "", nil), ("P;sw", "", nil), ("P;sw=7", "", nil), ("P;sw=16", "", nil),
            ("P;sw=010", "", nil),
            ("P;sw=09", "", nil), ("P;sw=9;sw=9", "", nil), ("P;cw=7", "", nil), ("P;cw=16", "", nil),
            ("P;cw=09", "", nil), ("P;cw;cw", "", nil), ("P;cw=9;cw", "", nil), ("P;cw;cw=9", "", nil),
            ("P;SN", "", nil), ("P;sw=1e1", "", nil), ("P;sw=+9", "", nil),
        ] as [(String, String, String?)])
    func `answer offers`(_ offers: String, _ server: String, _ answer: String?) throws {
        let found = try #require(list(expand(offers)))
        let agreement = found.lazy.compactMap { WebSocketDeflateAgreement($0, settings(server)) }.first
        #expect(agreement?.fieldValue == answer.map(expand))
        guard let agreement else { return }
        // A client that made this offer takes the answer, and both agree.
        #expect(agreement.fieldValue.contains("server_no") == agreement.serverNoContextTakeover)
        #expect(agreement.fieldValue.contains("client_no") == agreement.clientNoContextTakeover)
        #expect(bits(agreement.fieldValue, "server_max_window_bits") == agreement.serverMaxWindowBits)
        #expect(bits(agreement.fieldValue, "client_max_window_bits") == agreement.clientMaxWindowBits)
    }

    private func expand(_ text: String) -> String {
        text.replacing("P", with: "permessage-deflate").replacing(";", with: "; ")
            .replacing("sn", with: "server_no_context_takeover").replacing("cn", with: "client_no_context_takeover")
            .replacing("sw", with: "server_max_window_bits").replacing("cw", with: "client_max_window_bits")
    }

    private func bits(_ field: String, _ name: String) -> Int {
        guard let range = field.firstRange(of: "\(name)=") else { return 15 }
        return Int(field[range.upperBound...].prefix { $0.isNumber })!
    }

    @Test(
        arguments: [
            ("", "P;cw"), ("S", "P;sn;cw"), ("C", "P;cn;cw"), ("s10 c9", "P;sw=10;cw=9"), ("S C s9", "P;sn;cn;sw=9;cw"),
        ] as [(String, String)])
    func `are offered`(_ client: String, _ offer: String) {
        #expect(WebSocketDeflateAgreement.offer(settings(client)) == expand(offer))
    }

    /// The client's settings, the server's answer, and what it comes to; nil for what does not fit the offer.
    @Test(
        arguments: [
            ("", "P", ""), ("", "P;sn;cn", "S C"), ("", "P;sw=8", "s8"), ("", "P;sw=15;cw=15", ""),
            ("", "P;sw=9;cw=10", "s9 c10"), ("C", "P", "C"), ("c10", "P", "c10"), ("c10", "P;cw=9", "c9"),
            ("c10", "P;cw=10", "c10"), ("s12", "P;sw=12", "s12"), ("s12", "P;sw=9", "s9"), ("S", "P;sn", "S"),
            ("c10", "P;cw=11", nil), ("c10", "P;cw=15", nil), ("", "P;cw=8", nil), ("", "P;cw", nil), ("", "P;sw", nil),
            ("S", "P", nil), ("s12", "P", nil), ("s12", "P;sw=13", nil), ("", "P;x", nil), ("", "P;sn;sn", nil),
            ("", "P;sn=1", nil), ("", "x", nil), ("", "P;sw=16", nil), ("", "P;cw=7", nil), ("", "P;cw=9;cw=9", nil),
        ] as [(String, String, String?)])
    func `judge answers`(_ client: String, _ answer: String, _ expected: String?) throws {
        let found = try #require(list(expand(answer)))
        let agreement = WebSocketDeflateAgreement(answer: found[0], to: settings(client))
        guard let expected, let agreement else {
            #expect(agreement == nil && expected == nil)
            return
        }
        let words = expected.split(separator: " ")
        #expect(agreement.serverNoContextTakeover == words.contains("S"))
        #expect(agreement.clientNoContextTakeover == words.contains("C"))
        func bits(_ letter: String) -> Int {
            words.first { $0.count > 1 && $0.hasPrefix(letter) }.map { Int($0.dropFirst())! } ?? 15
        }
        #expect(agreement.serverMaxWindowBits == bits("s"))
        #expect(agreement.clientMaxWindowBits == bits("c"))
    }

    @Test func `are reached by client and server`() throws {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<2000 {
            func some() -> WebSocketCompression {
                WebSocketCompression(
                    serverNoContextTakeover: .random(using: &random), clientNoContextTakeover: .random(using: &random),
                    serverMaxWindowBits: .random(in: 9...15, using: &random),
                    clientMaxWindowBits: .random(in: 9...15, using: &random))
            }
            let (client, server) = (some(), some())
            let offer = try #require(list(WebSocketDeflateAgreement.offer(client)))
            let answer = try #require(WebSocketDeflateAgreement(offer[0], server))
            let given = try #require(list(answer.fieldValue))
            let taken = try #require(WebSocketDeflateAgreement(answer: given[0], to: client))
            #expect(answer == taken)
            #expect(answer.serverMaxWindowBits == min(client.serverMaxWindowBits, server.serverMaxWindowBits))
            #expect(answer.clientMaxWindowBits == min(client.clientMaxWindowBits, server.clientMaxWindowBits))
        }
    }
}
