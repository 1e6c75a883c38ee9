import ApusLoad
import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct `Load of datagrams` {
    @Test func `makes exactly as many as it was asked for`() throws {
        try withExampleServer("udp") { server in
            let shapes = [
                [], ["-R", "5k"], ["-t", "2"], ["--no-keepalive"], ["--body", String(repeating: "x", count: 9000)],
            ]
            for shape in shapes {
                let result = try apusLoad(["-n", "211", "-c", "5", "--json", server.url] + shape)
                #expect(result.status == 0, "\(shape): \(result.output)\(result.errors)")
                let report = try jsonObject(result.output)
                #expect(report["requests"] as? Int == 211, "\(shape)")
                #expect(report["protocol"] as? String == "udp")
            }
            #expect(try server.requestCount() == 211 * shapes.count)
        }
    }

    @Test func `says when nobody listens`() throws {
        // Bound and never read by a stream socket of the same number: no datagram socket has that port.
        let result = try apusLoad("-d", "1s", "udp://127.0.0.1:\(ScriptedServer.closedPort())")
        #expect(result.status == 1)
        #expect(result.errors.contains("Connection refused"), "\(result.errors)")
    }

    /// Answers every second datagram, and those with nothing.
    private static func answerEverySecond(_ fd: Int32) {
        var bytes = [UInt8](repeating: 0, count: 2048)
        var peer = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        var index = 0
        while true {
            let count = withUnsafeMutablePointer(to: &peer) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(fd, &bytes, bytes.count, 0, $0, &length)
                }
            }
            // One byte ends it.
            guard count > 1 else { break }
            index += 1
            guard index % 2 == 0 else { continue }
            _ = withUnsafeMutablePointer(to: &peer) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { sendto(fd, bytes, 0, 0, $0, length) }
            }
        }
        close(fd)
    }

    @Test func `counts datagrams that are lost as errors, and empty ones as answers`() throws {
        let fd = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(fd, $0, length)
                getsockname(fd, $0, &length)
            }
        }
        Thread.detachNewThread { Self.answerEverySecond(fd) }
        defer {
            withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = sendto(fd, "x", 1, 0, $0, length) }
            }
        }
        var options = LoadOptions(url: "udp://127.0.0.1:\(UInt16(bigEndian: address.sin_port))")
        options.connections = 1
        options.requests = 10
        options.timeout = .milliseconds(100)
        let report = try LoadRun.run(options)
        #expect(report.requests == 5)
        #expect(report.errors(.timeout) == 5)
        #expect(report.errorCount == 5)
    }
}
