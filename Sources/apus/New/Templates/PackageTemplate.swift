/// What stands around the sources of every new package, whatever it serves.
nonisolated enum PackageTemplate {
    static let files = [
        ProjectFile("Package.swift", manifest), ProjectFile("README.md", readme), ProjectFile(".gitignore", ".build/"),
        ProjectFile("Dockerfile", containerFile), ProjectFile(".dockerignore", ignoredByContainer),
        ProjectFile("deploy/{{name}}.service", "{{unit}}"),
        ProjectFile("Sources/{{name}}/main.swift", main),
        ProjectFile("Tests/{{module}}Tests/Support/RunningServer.swift", ServerTestTemplate.runningServer),
        ProjectFile("Tests/{{module}}Tests/Support/Client.swift", ServerTestTemplate.client),
    ]

    private static let manifest = ##"""
        // swift-tools-version: 6.2
        import PackageDescription

        /// Each process has one event loop, on the main thread: all code is there unless it says otherwise.
        let onTheLoop: [SwiftSetting] = [.defaultIsolation(MainActor.self)]

        let package = Package(
            name: "{{name}}",
            dependencies: [
                .package({{apus}})
            ],
            targets: [
                // The program: it reads the settings, and runs what the library sets up.
                .executableTarget(
                    name: "{{name}}",
                    dependencies: ["{{module}}", .product(name: "Apus", package: "{{package}}")],
                    swiftSettings: onTheLoop),
                // All that it does, where tests can reach it.
                .target(
                    name: "{{module}}",
                    dependencies: [{{products}}],
                    swiftSettings: onTheLoop),
                // They start the program, too.
                .testTarget(name: "{{module}}Tests", dependencies: ["{{module}}", "{{name}}"]),
            ],
            swiftLanguageModes: [.v6]
        )
        """##

    private static let main = ##"""
        import Apus
        import FoundationEssentials
        import Glibc

        import {{module}}

        // This runs in the master, again in each worker process, and for commands such as `stop`: it only configures.
        do {
            let settings = try Settings(
                arguments: Array(CommandLine.arguments.dropFirst()), environment: ProcessInfo.processInfo.environment)
            setUp(settings)
        } catch {
            let complaint = "{{name}}: \(error)\n"
            _ = write(STDERR_FILENO, complaint, complaint.utf8.count)
            exit(64)  // What a wrong command line ends with.
        }
        Worker.runAll()
        """##

    private static let readme = ##"""
        # {{name}}

        {{about}}

        Made with Apus, which needs Linux, Swift 6.2 or later, and
        `apt-get install libevent-dev libssl-dev zlib1g-dev pkg-config`.

        ```sh
        swift run {{name}} start
        ```

        builds it, and runs it in the foreground; Ctrl-C stops it. While it runs, from another terminal:

        ```sh
        {{trial}}
        ```

        `swift test` starts it on a port of its own, and talks to it.

        ## Settings

        | option | variable | means |
        |---|---|---|
        | `--listen HOST:PORT` | `LISTEN` | where clients connect to; `127.0.0.1:8080`. Port 0: the system chooses one |
        | `--workers N` | `WORKERS` | worker processes; 2 |
        {{large}}
        An option wins over its variable: `{{name}} start --listen 0.0.0.0:80`. After a change `restart`; a reload keeps
        the command line and the environment of the start.

        ## Where things are

        | | |
        |---|---|
        | `Sources/{{name}}` | the program: a `main.swift` that configures |
        | `Sources/{{module}}` | what it does: `Server.swift` sets it up |
        | `Tests/{{module}}Tests` | tests; `Support` has the running program and a client for them |
        | `deploy` | the unit file for systemd |

        ## Run it

        ```sh
        swift build -c release --static-swift-stdlib
        .build/release/{{name}} start -d
        .build/release/{{name}} status
        .build/release/{{name}} reload
        .build/release/{{name}} stop
        ```

        `start -d` runs it in the background. After another build `reload` lets the new program take over, without
        losing a request. `doctor` looks for what keeps it from running well on this machine.

        **systemd**

        ```sh
        install -D .build/release/{{name}} /opt/{{name}}/{{name}}
        cp deploy/{{name}}.service /etc/systemd/system/
        systemctl daemon-reload && systemctl enable --now {{name}}
        ```

        A new version: put it into place by a rename, since a file that runs cannot be written to, and reload.

        ```sh
        install .build/release/{{name}} /opt/{{name}}/new && mv /opt/{{name}}/new /opt/{{name}}/{{name}}
        systemctl reload {{name}}
        ```

        **Container**

        ```sh
        docker build {{context}}-t {{image}} .
        docker run --rm -p 8080:8080 {{image}}
        ```

        `docker stop -t 40` lets requests finish. A container is replaced rather than reloaded.
        """##

    private static let containerFile = ##"""
        # Swift 6.3, on the Debian that it runs on below: their C libraries have to fit together.
        FROM swift:6.3-bookworm AS build
        RUN apt-get update \
            && apt-get install -y --no-install-recommends libevent-dev libssl-dev zlib1g-dev pkg-config \
            && rm -rf /var/lib/apt/lists/*
        {{container}}
        WORKDIR /src/{{name}}
        # On their own, so that a change of the sources does not fetch packages again.
        COPY Package.* ./
        RUN swift package resolve
        COPY . .
        RUN swift build -c release --static-swift-stdlib --product {{name}} \
            && install -D "$(swift build -c release --static-swift-stdlib --show-bin-path)/{{name}}" /out/{{name}}

        FROM debian:bookworm-slim
        RUN apt-get update \
            && apt-get install -y --no-install-recommends libevent-core-2.1-7 libssl3 zlib1g ca-certificates \
            && rm -rf /var/lib/apt/lists/* \
            && useradd --system --no-create-home --shell /usr/sbin/nologin server \
            && install -d -o server -g server /run/{{name}}
        COPY --from=build /out/{{name}} /opt/{{name}}/{{name}}
        USER server
        ENV LISTEN=0.0.0.0:8080
        EXPOSE 8080
        # As the first process it takes in those that others leave, and TERM lets requests finish.
        STOPSIGNAL SIGTERM
        HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
            CMD ["/opt/{{name}}/{{name}}", "status", "--pid-file", "/run/{{name}}/{{name}}.pid"]
        ENTRYPOINT ["/opt/{{name}}/{{name}}"]
        CMD ["start", "-q", "--log-file", "-", "--pid-file", "/run/{{name}}/{{name}}.pid"]
        """##

    private static let ignoredByContainer = ##"""
        .build
        .git
        .dockerignore
        Dockerfile
        README.md
        deploy
        """##
}
