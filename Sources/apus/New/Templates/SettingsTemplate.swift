/// How a new server is told what differs from one machine to another.
nonisolated enum SettingsTemplate {
    /// Of most templates.
    static let small = [
        ProjectFile("Sources/{{module}}/Settings.swift", smallSettings),
        ProjectFile("Sources/{{module}}/SettingsReader.swift", reader),
        ProjectFile("Tests/{{module}}Tests/SettingsTests.swift", smallTests),
    ]

    /// With more of them.
    static let large = [
        ProjectFile("Sources/{{module}}/Settings.swift", largeSettings),
        ProjectFile("Sources/{{module}}/SettingsReader.swift", reader),
        ProjectFile("Tests/{{module}}Tests/SettingsTests.swift", largeTests),
    ]

    /// Further rows of the table in README.md.
    static let largeTable = """
        | `--interval MILLISECONDS` | `INTERVAL` | how often the page is told the count; 1000 |
        | `--metrics HOST:PORT` | `METRICS` | where Prometheus may read the counters; nowhere unless set |

        """

    private static let smallSettings = ##"""
        /// What differs from one machine to another. An option of the command line wins over the environment:
        ///
        ///     {{name}} start --listen 0.0.0.0:8080 --workers 4
        ///     LISTEN=0.0.0.0:8080 WORKERS=4 {{name}} start
        public nonisolated struct Settings: Sendable, Equatable {
            /// Where clients connect to.
            public var listen = "127.0.0.1:8080"
            /// Worker processes, each with an event loop of its own.
            public var workers = 2

            public init(arguments: [String] = [], environment: [String: String] = [:]) throws(SettingsError) {
                let reader = SettingsReader(arguments: arguments, environment: environment)
                listen = try reader.text("listen") ?? listen
                workers = try reader.number("workers", in: 1...1000) ?? workers
            }
        }
        """##

    private static let largeSettings = ##"""
        /// What differs from one machine to another. An option of the command line wins over the environment:
        ///
        ///     {{name}} start --listen 0.0.0.0:8080 --workers 4 --metrics 127.0.0.1:9100
        ///     LISTEN=0.0.0.0:8080 WORKERS=4 METRICS=127.0.0.1:9100 {{name}} start
        public nonisolated struct Settings: Sendable, Equatable {
            /// Where clients connect to.
            public var listen = "127.0.0.1:8080"
            /// Worker processes, each with an event loop of its own.
            public var workers = 2
            /// Milliseconds between two messages to those who watch.
            public var interval = 1000
            /// Where the counters of the service can be read; nil for nowhere.
            public var metrics: String?

            public init(arguments: [String] = [], environment: [String: String] = [:]) throws(SettingsError) {
                let reader = SettingsReader(arguments: arguments, environment: environment)
                listen = try reader.text("listen") ?? listen
                workers = try reader.number("workers", in: 1...1000) ?? workers
                interval = try reader.number("interval", in: 10...3_600_000) ?? interval
                metrics = try reader.text("metrics")
            }
        }
        """##

    private static let reader = ##"""
        /// Looks for a setting among the arguments, as `--name VALUE` or `--name=VALUE`, and then in the environment,
        /// as `NAME`. Of an option that is there twice the last one counts; an empty variable is none.
        nonisolated struct SettingsReader {
            let arguments: [String]
            let environment: [String: String]

            func text(_ name: String) throws(SettingsError) -> String? {
                let option = "--\(name)"
                guard let index = arguments.lastIndex(where: { $0 == option || $0.hasPrefix("\(option)=") }) else {
                    let value = environment[name.uppercased()] ?? ""
                    return value.isEmpty ? nil : value
                }
                if arguments[index] != option { return String(arguments[index].dropFirst(option.count + 1)) }
                guard index + 1 < arguments.count, !arguments[index + 1].hasPrefix("-") else {
                    throw SettingsError("\(option) needs a value")
                }
                return arguments[index + 1]
            }

            func number(_ name: String, in range: ClosedRange<Int>) throws(SettingsError) -> Int? {
                guard let text = try text(name) else { return nil }
                guard let number = Int(text), range.contains(number) else {
                    throw SettingsError("\(name): \(text) is no number from \(range.lowerBound) to \(range.upperBound)")
                }
                return number
            }
        }

        /// A setting that cannot be understood.
        public nonisolated struct SettingsError: Error, Equatable, CustomStringConvertible {
            public let description: String

            init(_ description: String) { self.description = description }
        }
        """##

    private static let smallTests = ##"""
        import Testing

        @testable import {{module}}

        @Suite struct SettingsTests {
            @Test func areThoseOfTheDocumentationUnlessGiven() throws {
                let settings = try Settings(arguments: ["start", "-d"], environment: ["WORKERS": ""])
                #expect(settings.listen == "127.0.0.1:8080" && settings.workers == 2)
            }

            @Test func anOptionWinsOverAVariable() throws {
                let environment = ["LISTEN": "0.0.0.0:80", "WORKERS": "4"]
                let settings = try Settings(arguments: ["start", "--workers=8"], environment: environment)
                #expect(settings.listen == "0.0.0.0:80" && settings.workers == 8)
            }

            @Test(arguments: [["--workers", "0"], ["--workers", "many"], ["--listen"], ["--listen", "--workers", "1"]])
            func whatCannotBeUnderstoodIsSaid(_ arguments: [String]) {
                #expect(throws: SettingsError.self) { try Settings(arguments: arguments) }
            }
        }
        """##

    private static let largeTests = ##"""
        import Testing

        @testable import {{module}}

        @Suite struct SettingsTests {
            @Test func areThoseOfTheDocumentationUnlessGiven() throws {
                let settings = try Settings(arguments: ["start", "-d"], environment: ["WORKERS": ""])
                #expect(settings.listen == "127.0.0.1:8080" && settings.workers == 2)
                #expect(settings.interval == 1000 && settings.metrics == nil)
            }

            @Test func anOptionWinsOverAVariable() throws {
                let environment = ["LISTEN": "0.0.0.0:80", "WORKERS": "4", "METRICS": "127.0.0.1:9100"]
                let settings = try Settings(arguments: ["start", "--workers=8"], environment: environment)
                #expect(settings.listen == "0.0.0.0:80" && settings.workers == 8)
                #expect(settings.metrics == "127.0.0.1:9100")
            }

            @Test(arguments: [["--workers", "0"], ["--interval", "1"], ["--listen"], ["--listen", "--workers", "1"]])
            func whatCannotBeUnderstoodIsSaid(_ arguments: [String]) {
                #expect(throws: SettingsError.self) { try Settings(arguments: arguments) }
            }
        }
        """##
}
