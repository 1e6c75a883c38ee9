import Apus
import ApusClient
import Glibc
import TestSupport
import TrialSupport

/// dnsmasq, with names of the test's own.
private func nameServer(
    _ folder: TemporaryFolder, _ more: [String] = []
) throws -> (process: ServerProcess, port: String) {
    try startServer("/usr/sbin/dnsmasq", in: folder) { port in
        [
            "--keep-in-foreground", "--port=\(port)", "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv",
            "--no-hosts", "--pid-file=\(folder.file("pid"))", "--user=root", "--local=/test/", "--log-queries=extra",
            "--log-facility=\(folder.file("log"))", "--host-record=both.test,127.0.0.1,::1,600",
            "--host-record=brief.test,127.0.0.7,1", "--host-record=second.test,127.0.0.2,600",
            "--host-record=third.test,127.0.0.3,600", "--host-record=four.test,127.0.0.1",
            "--host-record=in.domain.test,127.0.0.9", "--srv-host=_http._tcp.test,a.test,81,2,5",
            "--srv-host=_http._tcp.test,b.test,82,1,5", "--txt-record=text.test,v=1,second part",
            "--ptr-record=5.0.0.127.in-addr.arpa,five.test", "--dns-forward-max=1000",
        ] + more
    }
}

private func questions(_ folder: TemporaryFolder, _ name: String) -> Int {
    folder.text("log").split(separator: "\n").count { $0.contains("query[A]") && $0.contains(" \(name) ") }
}

/// Answers are remembered no longer than wanted, and not more of them.
private func remembering(_ folder: TemporaryFolder, _ options: DNSOptions) async throws {
    var options = options
    options.maxCacheTime = 0.05
    let brief = DNSResolver(options)
    let before = questions(folder, "both.test")
    try await expectEventually {
        _ = try await brief.addresses(of: "both.test")
        return questions(folder, "both.test") >= before + 2
    }
    options.maxCacheTime = 3600
    options.maxCacheNames = 2
    let small = DNSResolver(options)
    for name in ["both.test", "second.test", "both.test", "second.test"] { _ = try await small.addresses(of: name) }
    let asked = questions(folder, "both.test")
    expect(questions(folder, "second.test"), is: 1)
    _ = try await small.addresses(of: "third.test")
    expect(questions(folder, "both.test"), is: asked)
    _ = try await small.addresses(of: "both.test")
    expect(questions(folder, "both.test"), is: asked + 1)
}

func dns(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let (server, port) = try nameServer(folder)
    var options = DNSOptions()
    options.servers = ["127.0.0.1:\(port)"]
    options.searchDomains = ["domain.test"]
    let resolver = DNSResolver(options)
    expect(Set(try await resolver.addresses(of: "both.test")), is: ["127.0.0.1", "::1"])
    expect(try await resolver.addresses(of: "FOUR.test."), is: ["127.0.0.1"])
    expect(try await resolver.addresses(of: "in"), is: ["127.0.0.9"])
    expect(try await resolver.addresses(of: "127.0.0.5"), is: ["127.0.0.5"])
    expect(try await resolver.addresses(of: "::2"), is: ["::2"])
    expect(try await resolver.addresses(of: "localhost").contains("127.0.0.1"))
    for name in ["nothing.test", "a..b", "", "a b", String(repeating: "x", count: 254)] {
        let error = await expectError(name) { _ = try await resolver.addresses(of: name) }
        expect(error is DNSError, "\(name): \(error!)")
    }
    expect(
        await expectError { _ = try await resolver.addresses(of: "nothing.test") } as? DNSError,
        is: .notFound("nothing.test"))
    let services = try await resolver.services(of: "_http._tcp.test")
    expect(services.map(\.host), is: ["b.test", "a.test"])
    expect(services.map(\.port), is: [82, 81])
    expect(try await resolver.texts(of: "text.test"), is: ["v=1second part"])
    expect(try await resolver.names(of: "127.0.0.5"), is: ["five.test"])
    await expectError { _ = try await resolver.names(of: "127.0.0.77") }
    await expectError { _ = try await resolver.names(of: "no address") }
    // Remembered as long as it holds.
    for _ in 0..<5 { _ = try await resolver.addresses(of: "both.test") }
    expect(questions(folder, "both.test"), is: 1)
    _ = try await resolver.addresses(of: "brief.test")
    try await expectEventually {
        _ = try await resolver.addresses(of: "brief.test")
        return questions(folder, "brief.test") >= 2
    }
    try await remembering(folder, options)
    // A hundred at the same time, each asked for once, and nothing stands still meanwhile.
    var turns = 0
    let ticks = WorkerTimer.every(0.001) { _ in turns += 1 }
    let tasks = (0..<300).map { number in Task { try? await resolver.addresses(of: "n\(number % 100).test") } }
    for task in tasks { expect(await task.value == nil) }
    expect(turns > 0)
    ticks.cancel()
    for number in 0..<100 { expect(questions(folder, "n\(number).test"), is: 1) }
    // Connections look names up here when they are told to.
    let web = ScriptedServer { peer in while peer.readRequest(), peer.send(ScriptedServer.hello) {} }
    resolver.useForConnections()
    let client = HTTPClient()
    expect(try await client.get("http://both.test:\(web.port)/").text, is: "Hello")
    let unknown = await expectError { _ = try await client.get("http://unknown.test:\(web.port)/") }
    expect("\(unknown!)".contains("unknown.test: no such name"), "\(unknown!)")
    DNSResolver.useSystemForConnections()
    web.stop()
    client.close()
    _ = try server.stop()
}

/// Name servers that are silent, gone, or talk nonsense.
func dnsTroubles(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let (server, port) = try nameServer(folder)
    var options = DNSOptions()
    options.timeout = 0.2
    options.attempts = 1
    options.servers = ["127.0.0.1:\(port)"]
    let resolver = DNSResolver(options)
    expect(try await resolver.addresses(of: "four.test"), is: ["127.0.0.1"])
    server.signal(SIGSTOP)
    let silent = await expectError { _ = try await resolver.addresses(of: "both.test") }
    expect(silent as? DNSError, is: .timedOut("both.test"))
    let task = Task { try await resolver.addresses(of: "both.test") }
    await Task.yield()
    task.cancel()
    let cancelled = await expectError { _ = try await task.value }
    expect(cancelled is CancellationError, "\(cancelled!)")
    server.signal(SIGCONT)
    try await expectEventually { (try? await resolver.addresses(of: "both.test")) != nil }
    server.signal(SIGKILL)
    _ = try server.waitForExit()
    let gone = await expectError { _ = try await resolver.addresses(of: "in.domain.test") }
    expect(gone as? DNSError, is: .timedOut("in.domain.test"))
    // The second server is asked when the first one is silent.
    let again = try nameServer(folder)
    options.servers = ["127.0.0.1:\(port)", "127.0.0.1:\(again.port)"]
    let both = DNSResolver(options)
    expect(try await both.addresses(of: "in.domain.test"), is: ["127.0.0.9"])
    options.servers = ["nonsense"]
    let unusable = await expectError { _ = try await DNSResolver(options).addresses(of: "four.test") }
    if case .unusable = unusable as? DNSError {} else { expect(false, "\(unusable!)") }
    _ = try again.process.stop()
}
