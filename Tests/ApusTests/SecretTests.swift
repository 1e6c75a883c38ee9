import ApusClient
import ApusCluster
import ApusProtocols
import Testing

@testable import Apus
@testable import ApusMySQL
@testable import ApusNATS
@testable import ApusRedis
@testable import ApusSTOMP

/// What only the service and whom it speaks with are to know stays out of what is printed and logged.
@Suite struct `Secrets` {
    private static let secret = "hunter2"

    /// Everything that a program can make of a value without knowing it.
    private func shown(_ value: Any) -> String {
        var dumped = ""
        dump(value, to: &dumped)
        return "\(value) \(String(reflecting: value)) \(dumped)"
    }

    @Test func `are no part of the descriptions of options`() {
        var identity = TLSOptions(certificateFile: "cert.pem", passphrase: Self.secret)
        identity.identities["other"] = TLSOptions.Identity(certificateFile: "b.pem", passphrase: Self.secret)
        var connect = ConnectOptions(proxy: .socks5("h:1", username: "ann", password: Self.secret))
        connect.tls = TLSClientOptions()
        connect.tls?.identity = identity.identity
        var client = HTTPClientOptions()
        client.proxy = .http("h:1", authorization: Self.secret)
        var mysql = MySQLOptions()
        mysql.password = Self.secret
        var nats = NATSOptions()
        nats.password = Self.secret
        nats.token = Self.secret
        var stomp = STOMPOptions()
        stomp.passcode = Self.secret
        var redis = RedisOptions(password: Self.secret)
        redis.connect = connect
        var channel = ChannelClientOptions()
        channel.secret = Self.secret
        var channelServer = ChannelServerOptions()
        channelServer.secret = Self.secret
        var data = GlobalDataClientOptions()
        data.secret = Self.secret
        var dataServer = GlobalDataServerOptions()
        dataServer.secret = Self.secret
        let all: [Any] = [
            identity, connect, client, mysql, nats, stomp, redis, channel, channelServer, data, dataServer,
            connect.proxy as Any, client.proxy as Any,
        ]
        for options in all {
            let text = shown(options)
            #expect(!text.contains(Self.secret), "\(text)")
        }
        // They are there.
        #expect(identity.identity.passphrase == Self.secret && mysql.password == Self.secret)
        #expect(nats.password == Self.secret && nats.token == Self.secret && stomp.passcode == Self.secret)
        #expect(redis.password == Self.secret && channel.secret == Self.secret && dataServer.secret == Self.secret)
        #expect(channelServer.secret == Self.secret && data.secret == Self.secret)
        #expect("\(connect.proxy!)" == "SOCKS 5 at h:1" && STOMPOptions().passcode == "guest")
        // Options that differ in it differ.
        #expect(channel != ChannelClientOptions() && RedisOptions(password: "x") != RedisOptions())
    }

    /// Each address has a login, and something wrong.
    @Test func `are no part of errors about addresses`() {
        let login = "ann:\(Self.secret)@"
        var errors: [any Error] = []
        func note(_ body: () throws -> Void) {
            do {
                try body()
                Issue.record("an address is accepted")
            } catch { errors.append(error) }
        }
        for address in ["http://\(login)h", "redis://\(login)h/x", "redis://\(login)", "rediss://\(login)h/-1"] {
            note { _ = try RedisTarget(address) }
        }
        for address in [
            "http://\(login)h", "mysql://\(login)", "mysql://\(login)h:x", "mysql://\(login)h,i",
            "mysql://\(login)h?x=y",
            "mysql://h/db?password=\(Self.secret)", "mysql://\(login)h/db?charset=utf8&user=a&password=\(Self.secret)",
            "mysql://ann:\(Self.secret)?@h:x",
        ] {
            note { _ = try MySQLTarget(address) }
        }
        for address in ["http://\(login)h", "nats://\(login)h/x", "nats://\(login)", "nats://\(Self.secret)@h/x/y"] {
            note { _ = try NATSTarget(address) }
        }
        for address in ["http://\(login)h", "stomp://\(login)h/x", "stomps://\(login)"] {
            note { _ = try STOMPTarget(address) }
        }
        for address in [
            "http://\(login)h", "wss://\(login)h/chat", "\(login)h:x", "tcp://\(login)[::1:80", "\(login)h",
        ] {
            note { _ = try RemoteAddress(address, isSecured: false) }
            note { _ = try SocketAddress(address + "::") }
        }
        for address in [
            "ftp://\(login)h/", "http://\(login)h:99999/", "http://\(login)", "http:\(login)h", "http://\(login)[::1/",
            "http://\(login)h/\u{0}",
        ] {
            note { _ = try HTTPURL(address) }
        }
        #expect(errors.count > 30)
        for error in errors {
            let text = shown(error)
            #expect(!text.contains(Self.secret), "\(text)")
            #expect("\(error)".contains("address \""), "\(error)")
        }
    }

    @Test func `are no part of the descriptions of addresses`() throws {
        let url = try HTTPURL("http://ann:\(Self.secret)@h/path")
        #expect("\(url)" == "http://h/path" && url.credentials == "ann:\(Self.secret)")
        #expect(!String(reflecting: url).contains(Self.secret))
        #expect(URLAuthority.withoutLogin("redis://ann:\(Self.secret)@h/1") == "redis://…@h/1")
    }
}
