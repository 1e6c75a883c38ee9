import Apus
import Glibc

/// Tells the test what happened: a line on standard output, in one write.
func report(_ event: String) {
    let line = Array("event \(event)\n".utf8)
    _ = line.withUnsafeBytes { write(1, $0.baseAddress!, $0.count) }
}

/// `count` bytes that tell by their values when one is missing or in the wrong place.
func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8($0 % 251) } }

/// `count` bytes of the repeated `pattern(64_256)`, rounded down to whole ones.
func largePattern(_ count: Int) -> [UInt8] {
    let block = pattern(64256)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    for _ in 0..<count / block.count { bytes += block }
    return bytes
}

/// What the test reads as an error of a handler.
struct ScenarioError: Error, CustomStringConvertible {
    let description: String
}

/// Sets the limits that the command line names.
func setLimits(_ worker: WorkerBase, _ options: Options) {
    worker.tls = tlsOptions(options)
    if let bytes = options.number("max-package") { worker.limits.maxPackageSize = bytes }
    if let bytes = options.number("max-send") { worker.limits.maxSendBufferSize = bytes }
    if let seconds = options.number("idle-timeout") { worker.limits.idleTimeout = Double(seconds) }
    if let seconds = options.number("handshake-timeout") { worker.limits.handshakeTimeout = Double(seconds) }
    if let ranges = options["trusted"] { worker.trustedProxies = ranges.split(separator: ",").map(String.init) }
    if let most = options.number("max-connections") { worker.maxConnections = most }
    if let most = options.number("max-per-ip") { worker.maxConnectionsPerIP = most }
    if let mode = options["socket-mode"] { worker.socketMode = UInt32(mode, radix: 8)! }
    if options["ipv6-only"] != nil { worker.ipv6Only = true }
    if options["keep-alive"] != nil {
        worker.socketOptions.keepAlive = SocketOptions.KeepAlive(idle: 1, interval: 1, probes: 1)
    }
    if let seconds = options.number("close-timeout") { worker.limits.closeTimeout = Double(seconds) }
    if let seconds = options.number("stop-timeout") { Worker<Raw>.stopTimeout = Double(seconds) }
    if let milliseconds = options.number("linger") { worker.limits.lingerTimeout = Double(milliseconds) / 1000 }
}
