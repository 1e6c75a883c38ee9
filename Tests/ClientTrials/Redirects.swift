import Apus
import ApusClient
import TestSupport
import TrialSupport

/// A server whose answers are made of the requests' heads.
nonisolated func answering(_ answer: @escaping @Sendable (_ head: String, _ body: [UInt8]) -> String) -> ScriptedServer
{
    ScriptedServer { peer in
        while let head = peer.readHead() {
            let length = head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
            let count = length.flatMap { Int($0.split(separator: " ").last ?? "") } ?? 0
            guard let body = peer.read(count), peer.send(answer(head, body)) else { return }
        }
    }
}

nonisolated func response(_ status: Int, _ body: String = "", _ fields: String...) -> String {
    "HTTP/1.1 \(status) X\r\n" + fields.map { $0 + "\r\n" }.joined()
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

func redirects(_ words: [String]) async throws {
    let client = HTTPClient()
    let other = answering { head, _ in response(200, head) }
    let elsewhere = other.url
    let server = answering { head, body in
        let line = head.split(separator: " ")
        switch line[1] {
        case "/relative/x?y": return response(302, "moved", "Location: ../a/./b#c")
        case "/away": return response(307, "", "Location: \(elsewhere)there")
        case "/loop": return response(301, "", "Location: /loop")
        case "/nowhere": return response(302, "", "Location: gopher://x/")
        case "/socket": return response(302, "", "Location: http+unix://%2Frun%2Fx/")
        case "/long": return response(302, String(repeating: "x", count: 300_000), "Location: /end")
        case "/none": return response(302, "stay")
        case let path where path.hasPrefix("/to/"): return response(Int(path.dropFirst(4))!, "", "Location: /end")
        default: return response(200, "\(line[0]) \(line[1]) \(String(decoding: body, as: UTF8.self))")
        }
    }
    let relative = try await client.get(server.url + "relative/x?y")
    expect(relative.text, is: "GET /a/b ")
    expect("\(relative.url)", is: server.url + "a/b")
    expect(server.connections, is: 1)
    // RFC 9110 §15.4: what becomes of method and body.
    for status in 301...308 where ![304, 305, 306].contains(status) {
        let posted = status < 304 ? "GET /end " : "POST /end ab"
        expect(try await client.post(server.url + "to/\(status)", .text("ab")).text, is: posted)
        let put = try await client.put(server.url + "to/\(status)", .text("ab")).text
        expect(put, is: status == 303 ? "GET /end " : "PUT /end ab")
    }
    // Secrets stay with the server they are for.
    let secrets: HTTPHeaders = ["Authorization": "Basic x", "Cookie": "a=b", "X-Other": "1"]
    let away = try await client.get(server.url + "away", headers: secrets).text
    expect(away.hasPrefix("GET /there ") && away.contains("X-Other: 1"), away)
    expect(!away.contains("Authorization") && !away.contains("Cookie"), away)
    try await defaultSecrets(secrets, from: server.url + "away", to: other)
    let kept = try await client.get("http://user:p%40ss@127.0.0.1:\(other.port)/", headers: [:]).text
    expect(kept.contains("Authorization: Basic dXNlcjpwQHNz\r\n"), kept)
    for (path, wanted) in [("loop", "more than 5"), ("nowhere", "gopher"), ("socket", "socket")] {
        let error = await expectError { _ = try await client.get(server.url + path) }
        expect("\(error!)".contains(wanted), "\(error!)")
    }
    expect(try await client.get(server.url + "none").text, is: "stay")
    expect(try await client.get(server.url + "long").text, is: "GET /end ")
    // A stream is over once it was sent.
    let stream = AsyncStream<[UInt8]> {
        $0.yield([0x61])
        $0.finish()
    }
    let again = await expectError {
        _ = try await client.post(server.url + "to/307", .stream(stream, length: 1))
    }
    expect("\(again!)".contains("once more"), "\(again!)")
    var request = HTTPClientRequest("GET", server.url + "to/302")
    request.maxRedirects = 0
    expect(try await client.send(request).status, is: .found)
    for server in [server, other] { server.stop() }
}

/// Secrets that a client has for all requests stay with the server they are for as well, also where a request has one
/// of its own in their place. `away` leads to `other`.
private func defaultSecrets(_ secrets: HTTPHeaders, from away: String, to other: ScriptedServer) async throws {
    var options = HTTPClientOptions()
    options.headers = secrets
    options.headers["Host"] = "made.up"
    let lavish = HTTPClient(options)
    let own = try await lavish.get(other.url).text
    expect(own.contains("Authorization: Basic x\r\n") && own.contains("Cookie: a=b\r\n"), own)
    expect(own.contains("\r\nHost: made.up\r\n") && own.split(separator: "Host: ").count == 2, own)
    for headers: HTTPHeaders in [[:], ["Authorization": "Basic y", "Host": "own.host"]] {
        let text = try await lavish.get(away, headers: headers).text
        expect(text.hasPrefix("GET /there ") && text.contains("X-Other: 1"), text)
        expect(!text.contains("Authorization") && !text.contains("Cookie"), text)
        let host = "\r\nHost: 127.0.0.1:\(other.port)\r\n"
        expect(text.contains(host) && text.split(separator: "Host: ").count == 2, text)
    }
    options.headers = ["Transfer-Encoding": "chunked"]
    let framed = await expectError { _ = try await HTTPClient(options).get(other.url) }
    expect("\(framed!)".contains("Transfer-Encoding is the client's own"), "\(framed!)")
}

func cookies(_ words: [String]) async throws {
    var options = HTTPClientOptions()
    options.keepsCookies = true
    let client = HTTPClient(options)
    let server = answering { head, _ in
        let path = head.split(separator: " ")[1]
        let sent = head.split(separator: "\r\n").first { $0.hasPrefix("Cookie:") } ?? ""
        switch path {
        case "/login":
            return response(
                303, "", "Location: /", "Set-Cookie: id=1; Path=/; HttpOnly", "Set-Cookie: deep=2; Path=/a",
                "Set-Cookie: foreign=3; Domain=example.org", "Set-Cookie: s=4; Secure", "Set-Cookie: old=5; Max-Age=0")
        case "/logout": return response(200, "", "Set-Cookie: id=; Path=/; Max-Age=0")
        default: return response(200, String(sent))
        }
    }
    expect(try await client.get(server.url + "login").text, is: "Cookie: id=1")
    expect(try await client.get(server.url + "a/b").text, is: "Cookie: deep=2; id=1")
    expect(try await client.get("http://localhost:\(server.port)/").text, is: "")
    expect(try await client.get(server.url + "ab", headers: ["Cookie": "mine=1"]).text, is: "Cookie: mine=1")
    _ = try await client.get(server.url + "logout")
    expect(try await client.get(server.url).text, is: "")
    server.stop()
}
