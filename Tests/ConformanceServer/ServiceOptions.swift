import Apus
import Glibc

/// Sets what concerns the service as a whole, and makes the trouble that the file behind `--trouble` names, so that a
/// test can spoil the program between its start and a reload.
func setService(_ server: WorkerBase, _ options: Options) {
    server.reusePort = options["reuse-port"] != nil
    server.maxRequests = options.number("max-requests")
    if let name = options["own-backend"] { server.eventLoopBackend = Backend(rawValue: name) }
    server.maxMemory = options.number("max-memory")
    if options["terminate-on-error"] != nil { server.errorPolicy = .terminateWorker }
    if let command = options["command"] { Worker.command = command }
    server.user = options["user"] ?? ""
    server.group = options["group"] ?? ""
    if let path = options["stdout"] { Worker.stdoutFile = path }
    if let bytes = options.number("log-size") { Worker.logFileMaxSize = bytes }
    if let seconds = options.number("graceful-timeout") { Worker.gracefulTimeout = Double(seconds) }
    if let seconds = options.number("drain-timeout") { Worker.drainTimeout = Double(seconds) }
    if options["sigterm-graceful"] != nil { Worker.sigtermIsGraceful = true }
    Worker.metricsAddress = options["metrics"]
    if options["master-events"] != nil {
        Worker.onMasterReload = { report("master reload \(getpid())") }
        Worker.onMasterStop = { report("master stop \(getpid())") }
        Worker.onWorkerExit = { worker, status, pid in report("exit \(worker.name) \(status) \(pid)") }
    }
    makeSetupTrouble(server, options)
}

/// TLS, if the command line names a certificate; `--sni NAME=FILE` adds one.
func tlsOptions(_ options: Options) -> TLSOptions? {
    guard let certificate = options["cert"] else { return nil }
    var tls = TLSOptions(
        certificateFile: certificate, privateKeyFile: options["key"], passphrase: options["passphrase"])
    if let words = options["sni"]?.split(separator: "="), words.count == 2 {
        tls.identities[String(words[0])] = TLSOptions.Identity(certificateFile: String(words[1]))
    }
    tls.clientAuthoritiesFile = options["client-ca"]
    tls.ocspResponseFile = options["ocsp"]
    tls.prefersKernel = options["kernel-tls"] != nil || getenv("APUS_TEST_KERNEL_TLS") != nil
    if options["tls13"] != nil { tls.minimumVersion = .tls13 }
    return tls
}

/// How a puppet connects.
func connectOptions(_ options: Options) -> ConnectOptions {
    var connect = ConnectOptions()
    if let seconds = options["timeout"].flatMap({ Double($0) }) { connect.timeout = seconds }
    connect.localAddress = options["from"]
    if options["by-itself"] != nil {
        connect.reconnect = ReconnectPolicy()
        connect.reconnect?.firstDelay = 0.01
        connect.reconnect?.maxDelay = 0.05
    }
    connect.socket.fastOpen = options["fast-open"] != nil
    if let proxy = options["socks"] {
        connect.proxy = .socks5(proxy, username: options["proxy-user"], password: options["proxy-password"])
    }
    if let proxy = options["connect-proxy"] { connect.proxy = .http(proxy, authorization: options["proxy-user"]) }
    if let name = options["server-name"] {
        var tls = TLSClientOptions()
        tls.serverName = name
        tls.authoritiesFile = options["server-ca"]
        tls.verifiesServer = options["insecure"] == nil
        tls.identity = options["client-cert"].map { TLSOptions.Identity(certificateFile: $0) }
        tls.applicationProtocols = options["client-alpn"].map { [$0] } ?? []
        connect.tls = tls
    }
    return connect
}

private func trouble(_ options: Options) -> [String] {
    guard let path = options["trouble"], let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 200)
    guard fgets(&line, 200, file) != nil else { return [] }
    let text = String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return text.split(separator: " ").map(String.init)
}

/// Trouble before `runAll`.
private func makeSetupTrouble(_ server: WorkerBase, _ options: Options) {
    let words = trouble(options)
    switch words.first {
    case "trap": fatalError("the set-up trapped")
    case "exit": exit(3)
    case "bind", "bind-exit":
        let other = Worker(.text, on: words[1])
        other.name = "other"
        other.onMessage = { connection, line in connection.send(line) }
    case "master": Worker.onMasterReload = { throw ScenarioError(description: "onMasterReload threw") }
    case "count": server.count = Int(words[1]) ?? 1
    case "share", "share-exit": _ = SharedCounter("another")
    case "name": server.name = words[1]
    default: break
    }
}

/// Trouble in `onWorkerStart`.
func makeStartTrouble(_ options: Options) throws {
    switch trouble(options).first {
    case "start-exit": exit(3)
    case "bind-exit", "share-exit":
        // The program that is gone back to has no trouble.
        unlink(options["trouble"] ?? "")
        exit(3)
    case "start-exit-then-trap":
        // From now on the set-up traps, also that of a program that is gone back to.
        guard let path = options["trouble"], let file = fopen(path, "w") else { return }
        fputs("trap", file)
        fclose(file)
        exit(3)
    case "start-held":
        // Until the test removes the file.
        while access(options["trouble"] ?? "", F_OK) == 0 { usleep(1000) }
    case "start-throw": throw ScenarioError(description: "the start threw")
    case "start-trap": fatalError("the start trapped")
    case "inner":
        let inner = Worker(.text, on: trouble(options)[1])
        try inner.listen()
    default: break
    }
}
