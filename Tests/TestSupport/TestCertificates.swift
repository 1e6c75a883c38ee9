import Glibc

/// Certificates for servers under test, made by `openssl` once for each test process.
public final class TestCertificates: Sendable {
    /// Made at the first use.
    public static let shared = TestCertificates()

    private let folder: TemporaryFolder

    private init() {
        guard let folder = try? TemporaryFolder() else { fatalError("no folder for certificates") }
        self.folder = folder
        for (name, host) in [("localhost", "localhost"), ("other", "other.example"), ("wild", "*.wild.example")] {
            make(name, host)
        }
        make("expired", "localhost", isExpired: true)
    }

    private func make(_ name: String, _ host: String, isExpired: Bool = false) {
        run(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
            "-subj", "/CN=\(host)", "-addext", "subjectAltName=DNS:\(host),IP:127.0.0.1", "-keyout", key(name), "-out",
            certificate(name))
        if isExpired {
            let valid = file("valid.pem")
            rename(certificate(name), valid)
            run("x509", "-in", valid, "-signkey", key(name), "-days", "-1", "-out", certificate(name))
        }
        let both = (readText(certificate(name)) ?? "") + (readText(key(name)) ?? "")
        try? writeText(both, to: file("\(name).both.pem"))
    }

    /// Runs `openssl`.
    @discardableResult
    public func run(_ arguments: String...) -> Bool {
        let process = try? ServerProcess("/usr/bin/openssl", arguments, in: folder)
        return (try? process?.waitForExit()) == .code(0)
    }

    /// A certificate of: `localhost`, `other` (other.example), `wild` (*.wild.example), `expired`.
    public func certificate(_ name: String) -> String { file("\(name).pem") }
    /// Its key.
    public func key(_ name: String) -> String { file("\(name).key.pem") }
    /// Both in one file.
    public func both(_ name: String) -> String { file("\(name).both.pem") }
    /// Another file beside them.
    public func file(_ name: String) -> String { folder.file(name) }
}
