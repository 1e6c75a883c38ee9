import Apus
import ApusWeb
import ArgumentParser

extension ServeCommand {
    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("--port \(port): ports go from 0 to 65535") }
        guard workers > 0 else { throw ValidationError("--workers \(workers): at least one is needed") }
        guard cache ?? 0 >= 0 else { throw ValidationError("--cache \(cache ?? 0): it is a number of seconds") }
        guard (tlsCert == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-cert and --tls-key go together")
        }
        guard !kernelTls || tlsCert != nil else { throw ValidationError("--kernel-tls is for --tls-cert") }
    }

    func run() throws {
        try MainActor.assumeIsolated {
            do {
                try StaticFiles.check(folder)
            } catch {
                throw ValidationError("\(error)")
            }
            start()
        }
    }

    @MainActor
    private func start() -> Never {
        var tls = tlsCert.map { TLSOptions(certificateFile: $0, privateKeyFile: tlsKey) }
        tls?.prefersKernel = kernelTls
        let host = address.contains(":") ? "[\(address)]" : address
        let site = WebServer(on: "\(host):\(port)", tls: tls)
        site.worker.name = "serve"
        site.worker.count = workers
        site.host("localhost", root: folder, options)
        if log { site.accessLog = AccessLog("-") }
        let folder = folder
        site.onWorkerStart = { worker in
            guard worker.id == 0 else { return }
            let url = worker.socketName.replacing("0.0.0.0", with: "127.0.0.1").replacing("[::]", with: "[::1]")
            Terminal.write("Serving \(folder) at \(url)/ – Ctrl-C stops it.\n", to: 1)
        }
        Worker.runAll(command: "start -q --log-file -")
    }

    @MainActor
    private var options: StaticFileOptions {
        var options = StaticFileOptions()
        options.listsFolders = browse
        options.fallback = spa ? "index.html" : nil
        options.cacheControl = cache.map { "max-age=\($0)" }
        return options
    }
}
