import ApusProtocols

nonisolated extension ComparedRun: Decodable {
    /// JSON that is not the report of a run.
    public enum Mismatch: Error, CustomStringConvertible {
        /// Of something else.
        case foreign
        /// Of rates one after the other.
        case steps
        /// With a number that no run can have.
        case number

        public var description: String {
            switch self {
            case .foreign: "is no report of apus load"
            case .steps: "is a report of --steps; --compare takes those of single runs"
            case .number: "has a number that no run can have"
            }
        }
    }

    private struct Key: CodingKey, ExpressibleByStringLiteral {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
        init(stringLiteral value: String) { stringValue = value }
    }

    private typealias Object = KeyedDecodingContainer<Key>

    /// Numbers are less than this.
    private static let limit = 1e15
    /// The end of a run, or a second that began late, tells little with less of the length of the others.
    private static let leastPart = 0.5

    /// Reads the JSON report of a run. What a run need not have may be missing.
    public init(from decoder: any Decoder) throws {
        let report = try decoder.container(keyedBy: Key.self)
        guard try report.decodeIfPresent(String.self, forKey: "tool") == "apus load" else { throw Mismatch.foreign }
        guard !report.contains("steps") else { throw Mismatch.steps }
        settings = try Self.settings(report)
        requests = try Self.count(report, "requests")
        requestsPerSecond = try Self.number(report, "requests_per_second")
        let latency = try report.nestedContainer(keyedBy: Key.self, forKey: "latency_us")
        latencies = try Self.percentiles.map { try Self.number(latency, Key(stringValue: $0.0)) }
        errors = try Self.count(report.nestedContainer(keyedBy: Key.self, forKey: "errors"), "total")
        let status = try report.nestedContainer(keyedBy: Key.self, forKey: "status")
        for statusClass in ["1xx", "4xx", "5xx"] {
            unsuccessful += try Self.count(status, Key(stringValue: statusClass))
        }
        clientCPUTime = try Self.number(report, "client_cpu_seconds")
        clientCPUPercent = try Self.number(report, "client_cpu_percent")
        wasInterrupted = try report.decode(Bool.self, forKey: "interrupted")
        seconds = try Self.seconds(report)
    }

    private static func seconds(_ report: Object) throws -> [Second] {
        var list = try report.nestedUnkeyedContainer(forKey: "timeline")
        var seconds: [(length: Double, second: Second)] = []
        while !list.isAtEnd {
            let object = try list.nestedContainer(keyedBy: Key.self)
            let length = try number(object, "seconds")
            guard length > 0 else { continue }
            let rate = try number(object, "requests") / length
            let latencies = try percentiles.dropLast().map { try number(object, Key(stringValue: $0.0)) }
            seconds.append((length, Second(requestsPerSecond: rate, latencies: latencies)))
        }
        let usual = seconds.map(\.length).sorted()
        return seconds.filter { $0.length >= usual[usual.count / 2] * leastPart }.map(\.second)
    }

    private static func settings(_ report: Object) throws -> [Setting] {
        let url = try report.decodeIfPresent(String.self, forKey: "url") ?? ""
        let target = try? LoadTarget(url)
        var settings = [
            Setting(name: "scheme", value: String(url.prefix(beforeASCII: ":"))),
            Setting(name: "path", value: target?.path ?? url),
        ]
        // Where the server was differs as a rule; through what it was asked should not.
        settings.append(Setting(name: "Unix socket", value: report.contains("unix") ? "yes" : "no"))
        for (name, key) in [("method", "method"), ("arrivals", "arrivals")] as [(String, Key)] {
            settings.append(Setting(name: name, value: try report.decodeIfPresent(String.self, forKey: key) ?? "none"))
        }
        for (name, key) in [
            ("connections", "connections"), ("rate", "rate"), ("warm-up in s", "warm_up_seconds"),
            ("processes", "processes"), ("pipeline", "pipeline"),
        ] as [(String, Key)] {
            let value = report.contains(key) ? try number(report, key) : nil
            let text = value.map { NumberText.fixed($0, decimals: $0 == $0.rounded() ? 0 : 3) }
            settings.append(Setting(name: name, value: text ?? "none"))
        }
        if let keepsAlive = try report.decodeIfPresent(Bool.self, forKey: "keep_alive") {
            settings.append(Setting(name: "kept alive", value: keepsAlive ? "yes" : "no"))
        }
        return settings
    }

    private static func number(_ object: Object, _ key: Key) throws -> Double {
        let number = try object.decode(Double.self, forKey: key)
        guard number >= 0, number < limit else { throw Mismatch.number }
        return number
    }

    private static func count(_ object: Object, _ key: Key) throws -> UInt64 { UInt64(try number(object, key)) }
}
