import Apus
import ApusMySQL
import Glibc
import TestSupport
import TrialSupport

private func isLoginFailure(_ error: (any Error)?) -> Bool {
    if case MySQLError.loginFailed? = error as? MySQLError { true } else { false }
}

/// Users, passwords and databases. Words: address, port, socket.
func login(_ words: [String]) async throws {
    let place = "127.0.0.1:\(words[1])"
    for address in [
        "mysql://ed:secret@\(place)/trial", "mysql://trial:s%65cret@\(place)", "trial:secret@\(place)",
        "mariadb://trial:secret@localhost:\(words[1])/trial?charset=utf8mb4",
    ] {
        let db = try MySQLConnection(address)
        expect(try await db.single("SELECT 1")?.int, is: 1, address)
        db.close()
    }
    var options = MySQLOptions()
    options.user = "trial"
    options.password = "secret"
    options.database = "trial"
    options.sessionStatements = ["SET time_zone = '+03:00'", "SET @a = 7"]
    let local = try MySQLConnection("unix:\(words[2])", options: options)
    expect(
        try await local.query("SELECT DATABASE(), @@time_zone, @a")[0].values.map(\.string),
        is: ["trial", "+03:00", "7"])
    for address in [
        "mysql://trial:wrong@\(place)/trial", "mysql://nobody@\(place)", "mysql://trial:secret@\(place)/nowhere",
        "mysql://tls:secret@\(place)/trial", "mysql://ed:wrong@\(place)/trial",
        "mysqls://trial:secret@\(place)/trial",
    ] {
        let began = ContinuousClock.now
        let error = await expectError { try await MySQLConnection(address).query("SELECT 1") }
        expect(isLoginFailure(error), "\(address): \(error!)")
        expect(ContinuousClock.now - began < .seconds(8), "it is not tried again")
        expect(!"\(error!)".contains("secret"))
    }
    options.authentication = ["caching_sha2_password"]
    let other = await expectError { try await MySQLConnection("unix:\(words[2])", options: options).query("SELECT 1") }
    expect(isLoginFailure(other), "\(other!)")
    options = MySQLOptions()
    options.connectTimeout = 0.3
    let nobody = await expectError {
        try await MySQLConnection("mysql://127.0.0.1:1/x", options: options).query("SELECT 1")
    }
    if case MySQLError.unavailable(let reason)? = nobody as? MySQLError {
        expect(reason.contains("2002") || reason.contains("111"), reason)
    } else {
        expect(false, "\(nobody!)")
    }
}

/// Names are looked up without holding the loop up. Words: address, port.
func lookups(_ words: [String]) async throws {
    var options = MySQLOptions()
    options.connectTimeout = 2
    var longest = 0.0
    var last = ContinuousClock.now
    let probe = WorkerTimer.every(0.001) { _ in
        longest = max(longest, (ContinuousClock.now - last) / .seconds(1))
        last = .now
    }
    let failed = await expectError {
        try await MySQLConnection("mysql://no-such-host.invalid/x", options: options).query("SELECT 1")
    }
    if case MySQLError.unavailable? = failed as? MySQLError {} else { expect(false, "\(failed!)") }
    probe.cancel()
    print("the longest pause of the loop was \(longest) s")
}

/// TLS and what it proves. Words: port, the folder of certificates, the name of the server's own.
func tls(_ words: [String]) async throws {
    let (port, folder, own) = (words[0], words[1], words[2])
    func options(_ authorities: String?, _ change: (inout TLSClientOptions) -> Void = { _ in }) -> MySQLOptions {
        var options = MySQLOptions()
        var tls = TLSClientOptions()
        tls.authoritiesFile = authorities.map { "\(folder)/\($0).pem" }
        change(&tls)
        options.tls = tls
        return options
    }
    let byName = "mysql://tls:secret@localhost:\(port)/trial"
    let byNumber = "mysql://tls:secret@127.0.0.1:\(port)/trial"
    for (address, options) in [
        (byNumber, options(own)), (byNumber, options(nil) { $0.verifiesServer = false }),
        ("\(byNumber)?tls=required", options(own)), (byNumber, options(own) { $0.minimumVersion = .tls13 }),
        (byName, options(own) { $0.serverName = own == "other" ? "other.example" : "localhost" }),
    ] {
        let db = try MySQLConnection(address, options: options)
        let cipher = try await db.row("SHOW STATUS LIKE 'Ssl_cipher'")?["Value"]?.string ?? ""
        expect(!cipher.isEmpty, address)
        expect(try await db.single("SELECT LENGTH(?)", String(repeating: "x", count: 3_000_000))?.int, is: 3_000_000)
        var sum = 0
        for try await row in db.stream("SELECT seq FROM seq_1_to_100000") { sum += row[0].int ?? 0 }
        expect(sum, is: 5_000_050_000)
        try await db.ping()
        var ticks = 0
        let probe = WorkerTimer.every(0.001) { _ in ticks += 1 }
        try await db.query("SELECT SLEEP(0.2)")
        probe.cancel()
        expect(ticks > 20, "the loop went on: \(ticks) ticks")
        db.close()
    }
    // The name that was connected to has to be in the certificate.
    let named = try MySQLConnection(byName, options: options(own))
    if own == "localhost" {
        expect(try await named.single("SELECT 1")?.int, is: 1)
    } else {
        let error = await expectError { try await named.query("SELECT 1") }
        expect(isLoginFailure(error), "\(String(describing: error))")
    }
    for options in [
        options(nil), options(own == "localhost" ? "other" : "localhost"),
        options(own) { $0.serverName = "elsewhere.example" },
    ] {
        let error = await expectError { try await MySQLConnection(byNumber, options: options).query("SELECT 1") }
        expect(isLoginFailure(error), "\(String(describing: error)) with \(options.tls!)")
    }
}

/// MySQL 8's own way to prove passwords, with a server that Debian has not: what it knows, and what it has to be told,
/// encrypted with its key.
func cachingSHA2(_ words: [String]) async throws {
    let folder = try TemporaryFolder()
    let (key, publicKey) = (folder.file("key"), folder.file("public"))
    func openssl(_ arguments: String...) throws {
        let status = try ServerProcess("/usr/bin/openssl", arguments, in: folder).waitForExit()
        expect(status, is: .code(0), "openssl \(arguments[0])")
    }
    try openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key)
    try openssl("pkey", "-in", key, "-pubout", "-out", publicKey)
    let pem = Array((readText(publicKey) ?? "").utf8)
    for isKnown in [true, false] {
        let acceptor = try Acceptor("ipv4", in: folder)
        let server = Helper { () -> (login: [UInt8], secret: [UInt8]) in
            let client = try acceptor.accept()
            func message() throws -> [UInt8] {
                let header = try client.read(4)
                return try client.read(Int(header[0]) | Int(header[1]) << 8)
            }
            try client.send(packet(greeting("caching_sha2_password"), 0))
            let login = try message()
            var secret: [UInt8] = []
            if isKnown {
                try client.send(packet([1, 3], 2) + packet(okay, 3))
            } else {
                try client.send(packet([1, 4], 2))
                guard try message() == [2] else { throw Failure("the key was not asked for") }
                try client.send(packet([1] + pem, 4))
                secret = try message()
                try client.send(packet(okay, 6))
            }
            _ = try message()
            try client.send(packet(okay, 1))
            _ = try client.readToEnd()
            return (login, secret)
        }
        let db = try MySQLConnection("mysql://me:geheim@\(acceptor.endpoint)")
        try await db.query("DO 1")
        db.close()
        let said = try server.join()
        expect(!String(decoding: said.login + said.secret, as: UTF8.self).contains("geheim"), "the password was shown")
        guard !isKnown else { continue }
        expect(said.secret.count, is: 256)
        let (sealed, opened) = (folder.file("sealed"), folder.file("opened"))
        try writeBytes(said.secret, to: sealed)
        try openssl(
            "pkeyutl", "-decrypt", "-inkey", key, "-pkeyopt", "rsa_padding_mode:oaep", "-in", sealed, "-out", opened)
        let password = zip(folder.bytes("opened"), challenge + challenge).map { $0 ^ $1 }
        expect(String(decoding: password, as: UTF8.self), is: "geheim\0")
    }
}

private func writeBytes(_ bytes: [UInt8], to path: String) throws {
    let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    defer { close(fd) }
    guard write(fd, bytes, bytes.count) == bytes.count else { throw Failure("write \(path)") }
}
