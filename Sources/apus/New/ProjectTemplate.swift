import ArgumentParser

/// What a new package begins with.
nonisolated enum ProjectTemplate: String, CaseIterable, ExpressibleByArgument {
    case http, websocket, tcp, full

    /// The files of a package, with its names filled in.
    func files(for name: ProjectName, apus: ApusDependency) -> [ProjectFile] {
        let values = values(for: name, apus)
        return (PackageTemplate.files + sources).map { $0.filled(with: values) }
    }

    private var sources: [ProjectFile] {
        switch self {
        case .http: SettingsTemplate.small + HTTPTemplate.files
        case .websocket: SettingsTemplate.small + WebSocketTemplate.files
        case .tcp: SettingsTemplate.small + TCPTemplate.files
        case .full: SettingsTemplate.large + FullTemplate.files
        }
    }

    /// What to type when it runs.
    var trial: String {
        switch self {
        case .http: "curl http://127.0.0.1:8080/hello/Ann"
        case .websocket, .full: "xdg-open http://127.0.0.1:8080/"
        case .tcp:
            #"bash -c "exec 3<>/dev/tcp/127.0.0.1/8080; printf '\0\5+\0\0\0\2' >&3; head -c 7 <&3 | od -An -tx1""#
        }
    }

    private var products: [String] { self == .tcp ? ["Apus"] : ["Apus", "ApusWeb"] }

    private func values(for name: ProjectName, _ apus: ApusDependency) -> [(mark: String, text: String)] {
        let products = products.map { ".product(name: \"\($0)\", package: \"\(apus.package)\")" }
        let unit = SystemdUnit(
            program: "/opt/\(name.program)/\(name.program)", name: name.program, user: "www-data")
        return [
            ("about", about), ("apus", apus.requirement), ("container", containerPart(name, apus)),
            ("image", name.image), ("large", self == .full ? SettingsTemplate.largeTable : ""),
            ("module", name.module), ("name", name.program), ("package", apus.package),
            ("products", products.joined(separator: ", ")), ("trial", trials), ("unit", unit.service),
            ("context", apus.folder.map { "--build-context apus=\($0) " } ?? ""),
        ]
    }

    /// The first line of its README.
    private var about: String {
        switch self {
        case .http: "An HTTP server that takes and gives JSON."
        case .websocket: "A chat with rooms: a page and its WebSockets on one port."
        case .tcp: "A calculator that is asked in a protocol of its own, over TCP."
        case .full: "A counter of visits, over HTTP, and live over WebSockets."
        }
    }

    /// What its README has of that.
    private var trials: String {
        switch self {
        case .http: HTTPTemplate.trial
        case .websocket: WebSocketTemplate.trial
        case .tcp: TCPTemplate.trial
        case .full: FullTemplate.trial
        }
    }

    /// How the build in a container gets at an Apus that is a folder of this machine.
    private func containerPart(_ name: ProjectName, _ apus: ApusDependency) -> String {
        guard let folder = apus.folder else { return "" }
        let place = folder.hasPrefix("/") ? folder : TextFile.absolute("/src/\(name.program)/\(folder)")
        let parts = ["Package.swift", "Sources", "CSources", "Tests"].map {
            "COPY --from=apus [\"\($0)\", \"\(place)/\($0)\"]"
        }
        return """

            # Apus is a folder of the machine that builds: docker build --build-context apus=\(folder) …
            \(parts.joined(separator: "\n"))
            """
    }
}
