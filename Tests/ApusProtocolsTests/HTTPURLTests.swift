import Testing

@testable import ApusProtocols

@Suite struct `Addresses of HTTP` {
    /// With the mark behind it a delimiter is another character to Swift.
    @Test(arguments: ["\u{301}", "\u{7B0}", "\u{200D}"])
    func `delimiters are bytes, whatever stands behind them`(_ mark: String) throws {
        let url = try HTTPURL("http://a.example/\(mark)x?\(mark)#\(mark)y")
        #expect(url.host == "a.example" && url.target.hasPrefix("/%") && !url.target.contains("#"))
        let resolved = try url.resolved("z#\(mark)y")
        #expect(resolved.target == "/z")
        #expect(try url.resolved("/\(mark)").host == "a.example")
        #expect(throws: HTTPURL.Failure.self) { try HTTPURL("http://a.\(mark)example/") }
    }
}
