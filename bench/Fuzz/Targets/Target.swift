import Glibc

/// One parser under test: called with each input, it traps when something is wrong.
struct Target: Sendable {
    let name: String
    let run: @Sendable (UnsafeRawBufferPointer) -> Void

    static let all = [
        Target(name: "addresses", run: fuzzAddresses), Target(name: "bus", run: fuzzBus),
        Target(name: "chunked", run: fuzzChunkedBody), Target(name: "cluster", run: fuzzClusterMessages),
        Target(name: "codings", run: fuzzCodings), Target(name: "commandline", run: fuzzCommandLines),
        Target(name: "control", run: fuzzControl), Target(name: "cookies", run: fuzzCookies),
        Target(name: "cron", run: fuzzCronRules), Target(name: "dns", run: fuzzDNSReplies),
        Target(name: "events", run: fuzzServerSentEvents), Target(name: "frame", run: fuzzFramePackets),
        Target(name: "globaldata", run: fuzzGlobalData), Target(name: "handshake", run: fuzzHandshake),
        Target(name: "inflate", run: fuzzInflate), Target(name: "journal", run: fuzzJournals),
        Target(name: "json", run: fuzzJSON), Target(name: "load", run: fuzzLoad),
        Target(name: "mediatype", run: fuzzMediaType), Target(name: "multipart", run: fuzzMultipart),
        Target(name: "names", run: fuzzFormNames), Target(name: "nats", run: fuzzNATS),
        Target(name: "paths", run: fuzzPaths), Target(name: "proxy", run: fuzzProxyHeader),
        Target(name: "ranges", run: fuzzRanges), Target(name: "redis", run: fuzzRedisReplies),
        Target(name: "request", run: fuzzRequest), Target(name: "response", run: fuzzResponses),
        Target(name: "setcookie", run: fuzzReceivedCookies), Target(name: "stomp", run: fuzzSTOMP),
        Target(name: "tags", run: fuzzTagsAndTimes), Target(name: "text", run: fuzzTextPackets),
        Target(name: "tunnels", run: fuzzTunnels), Target(name: "uploads", run: fuzzUploads),
        Target(name: "url", run: fuzzURLs), Target(name: "urlencoded", run: fuzzURLEncoded),
        Target(name: "websocket", run: fuzzWebSocket), Target(name: "zone", run: fuzzZones),
    ]

    /// The one that the environment names.
    static let chosen: Target = {
        let name = getenv("APUS_FUZZ_TARGET").map { String(cString: $0) } ?? ""
        guard let target = all.first(where: { $0.name == name }) else {
            fatalError("APUS_FUZZ_TARGET is one of \(all.map(\.name).joined(separator: ", "))")
        }
        return target
    }()
}

@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    Target.chosen.run(UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : count))
    return 0
}

/// What has to hold; unlike `assert`, in a release build as well.
func check(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition { fatalError(message()) }
}

/// The input as text; what is no UTF-8 is replaced.
func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
