import Apus
import TestSupport
import Testing

@testable import ApusWeb

/// What is compressed, and how it is said.
@Suite struct CompressionMiddlewareTests {
    private static let text = String(repeating: "all the same ", count: 200)

    private func answer(
        _ response: HTTPResponse, _ accepted: String = "gzip", _ middleware: Middleware = .compression()
    ) async -> HTTPResponse {
        await RouterProbe(middleware) { _ in response }.answer("GET /", "Accept-Encoding: \(accepted)")
    }

    private func isCompressed(_ response: HTTPResponse) throws -> Bool {
        guard response.headers["Content-Encoding"] == "gzip" else { return false }
        let (bytes, isComplete) = try gunzip(response.body)
        #expect(isComplete && bytes == Array(Self.text.utf8))
        #expect(response.headers["Vary"]?.hasSuffix("Accept-Encoding") == true)
        return true
    }

    @Test(arguments: ["gzip", "br, gzip;q=0.5", "*", "x-gzip", "identity;q=0.5, gzip"])
    func forClientsThatTakeIt(_ accepted: String) async throws {
        for _ in 0..<2 {
            let response = await answer(HTTPResponse(headers: ["ETag": "\"1\""], body: Self.text), accepted)
            #expect(try isCompressed(response) && response.body.count < 100)
            #expect(response.headers["ETag"] == "W/\"1\"")
        }
    }

    @Test(arguments: ["", "br", "gzip;q=0", "identity", "identity, gzip;q=0.5", "*;q=0"])
    func notForOthers(_ accepted: String) async throws {
        let response = await answer(
            HTTPResponse(headers: ["ETag": "\"1\"", "Vary": "Cookie"], body: Self.text), accepted)
        #expect(try !isCompressed(response) && response.text == Self.text)
        #expect(response.headers["ETag"] == "\"1\"" && response.headers["Vary"] == "Cookie, Accept-Encoding")
    }

    @Test func whatBecomesNoSmallerStaysAsItIs() async throws {
        for (type, isWorthIt) in [
            ("text/plain;charset=utf-8", true), ("application/json", true), ("application/problem+json", true),
            ("image/svg+xml", true), ("APPLICATION/WASM", true), ("application/javascript ; a=b", true),
            ("image/png", false), ("application/octet-stream", false), ("application/jsonx", false), ("", false),
        ] {
            let response = await answer(HTTPResponse(headers: ["Content-Type": type], body: Self.text))
            #expect(try isCompressed(response) == isWorthIt, "\(type)")
            #expect((response.headers["Vary"] != nil) == isWorthIt, "\(type)")
        }
        let short = await answer(HTTPResponse(body: String(Self.text.prefix(1023))))
        #expect(short.headers["Content-Encoding"] == nil && short.headers["Vary"] == "Accept-Encoding")
        let long = await answer(HTTPResponse(body: String(repeating: "a", count: (2 << 20) + 1)))
        #expect(long.headers["Content-Encoding"] == nil)
        var generator = SystemRandomNumberGenerator()
        let noise = (0..<2000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        #expect(await answer(HTTPResponse(body: noise)).body == noise)
        let tiny = await answer(
            HTTPResponse(body: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), "gzip", .compression(minBytes: 1))
        #expect(try gunzip(tiny.body).isComplete)
    }

    @Test func whatHandlersForbidAndWhatIsNotWhole() async {
        for headers: HTTPHeaders in [
            ["Cache-Control": "max-age=5, No-Transform"], ["Content-Encoding": "br"], ["Content-Range": "bytes 0-1/2"],
        ] {
            let response = await answer(HTTPResponse(headers: headers, body: Self.text))
            #expect(response.text == Self.text && response.headers["Vary"] == nil)
        }
        #expect(await answer(HTTPResponse(.partialContent, body: Self.text)).text == Self.text)
        let known = await answer(HTTPResponse(.notModified, headers: ["ETag": "\"1\""]))
        #expect(known.headers["ETag"] == "W/\"1\"" && known.headers["Vary"] == "Accept-Encoding")
        let events = await answer(HTTPResponse(events: { _ in }))
        #expect(events.headers["Content-Encoding"] == nil && events.headers["Vary"] == nil)
    }

    @Test func errorsAreCompressedToo() async throws {
        let probe = RouterProbe(.compression()) { _ in throw HTTPError(.conflict, Self.text) }
        let response = await probe.answer("GET /", "Accept-Encoding: gzip")
        #expect(try response.status == .conflict && isCompressed(response))
    }

    /// A reader has each piece as soon as it is sent.
    @Test func streamsAreCompressedPieceByPiece() throws {
        let encoder = GzipEncoder(level: 5, windowBits: 13, memoryLevel: 6)
        var sent: [UInt8] = []
        var written: [UInt8] = []
        for piece in [[1], Array(Self.text.utf8), [], Array(repeating: 7, count: 300_000)] as [[UInt8]] {
            sent += encoder.filter(piece, isLast: false)
            written += piece
            let (bytes, isComplete) = try gunzip(sent)
            #expect(bytes == written && !isComplete)
        }
        sent += encoder.filter([], isLast: true)
        let (bytes, isComplete) = try gunzip(sent)
        #expect(bytes == written && isComplete)
    }
}
