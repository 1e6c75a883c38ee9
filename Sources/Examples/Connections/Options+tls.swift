import Apus

extension Options {
    /// What `--cert`, `--key`, `--sni NAME=CERT,KEY` and `--kernel-tls` say. Without `--key` the key stands in the file
    /// of `--cert`.
    func tls() throws -> TLSOptions {
        var tls = TLSOptions(certificateFile: try required("cert"), privateKeyFile: value("key"))
        tls.prefersKernel = has("kernel-tls")
        guard let sni = value("sni") else { return tls }
        let parts = sni.split(separator: "=", maxSplits: 1).map(String.init)
        let files = parts.last?.split(separator: ",").map(String.init) ?? []
        guard parts.count == 2, files.count == 2 else {
            throw OptionError(description: "--sni needs NAME=CERT,KEY, not \(sni)")
        }
        tls.identities[parts[0]] = TLSOptions.Identity(certificateFile: files[0], privateKeyFile: files[1])
        return tls
    }
}
