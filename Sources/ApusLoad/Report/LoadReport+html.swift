import Apus
import Glibc

nonisolated extension LoadReport {
    /// The report as one page with plots: throughput, latencies and errors over time, and the distribution of the
    /// latencies. It loads nothing, and reads well on a phone.
    public var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Load on \(HTMLText.escape(url))</title>
        <style>
        \(Self.style)
        </style>
        </head>
        <body>
        <h1>Load on <code>\(HTMLText.escape(what))</code></h1>
        <p>\(HTMLText.escape(setting))</p>
        \(figures)
        \(charts)
        \(tables)
        <pre>\(HTMLText.escape(text))</pre>
        </body>
        </html>

        """
    }

    private var setting: String {
        var parts = ["\(options.connections) connections" + (options.keepsAlive ? "" : ", a new one for each request")]
        if options.pipelineDepth > 1 { parts.append("\(options.pipelineDepth) requests at once") }
        if let rate = options.rate {
            let how = options.arrivals == .poisson ? "at random" : "evenly"
            parts.append("\(NumberText.grouped(UInt64(rate.rounded()))) requests per second, \(how)")
        }
        parts.append(NumberText.seconds(duration))
        return parts.joined(separator: " · ")
    }

    private var figures: String {
        let rate = NumberText.grouped(UInt64(requestsPerSecond.rounded()))
        let failed = errorCount + statuses.unsuccessful
        let cells = [
            ("requests per second", rate, ""), ("requests", NumberText.grouped(requests), ""),
            ("50 %", NumberText.microseconds(latencies.microseconds(atPercentile: 50)), ""),
            ("99 %", NumberText.microseconds(latencies.microseconds(atPercentile: 99)), ""),
            ("99.9 %", NumberText.microseconds(latencies.microseconds(atPercentile: 99.9)), ""),
            ("errors", NumberText.grouped(errorCount), failed > 0 ? " class=\"bad\"" : ""),
        ]
        let divs = cells.map { "<div\($0.2)><b>\($0.1)</b>\($0.0)</div>" }
        return "<section class=\"figures\">\n\(divs.joined(separator: "\n"))\n</section>"
    }

    // MARK: Charts

    private var charts: String {
        var sections: [String] = []
        if timeline.count > 1 {
            sections.append(Self.section("Requests per second", rateChart))
            sections.append(Self.section("Latency over time", latencyChart))
            if errorCount > 0 { sections.append(Self.section("Errors per second", errorChart)) }
        }
        if requests > 0 { sections.append(Self.section("Distribution of the latencies", distributionChart)) }
        return sections.joined(separator: "\n")
    }

    private static func section(_ title: String, _ chart: SVGChart) -> String {
        "<section>\n<h2>\(title)</h2>\n\(chart.legend)\n\(chart.svg)\n</section>"
    }

    private var timeTicks: [SVGChart.Tick] {
        SVGChart.ticks(upTo: duration) { NumberText.fixed($0, decimals: $0 == $0.rounded() ? 0 : 1) + " s" }
            .filter { $0.value <= duration * 1.001 }
    }

    private func line(
        _ name: String, _ color: Int, _ value: (LoadInterval) -> Double
    ) -> SVGChart.Line {
        // A last piece of a fraction of a second says little and jumps about.
        let whole = timeline.filter { $0.duration > (timeline.first?.duration ?? 0) / 2 }
        return SVGChart.Line(
            name: name, color: color, points: whole.map { ($0.start + $0.duration / 2, value($0)) })
    }

    private var rateChart: SVGChart {
        let line = line("requests per second", 1, \.requestsPerSecond)
        return SVGChart(
            label: "Requests per second over time", lines: [line], xTicks: timeTicks,
            yTicks: SVGChart.ticks(upTo: line.points.map(\.y).max() ?? 1) {
                NumberText.grouped(UInt64($0.rounded()))
            }, isLogarithmic: false)
    }

    private var errorChart: SVGChart {
        let line = line("errors per second", 4) { $0.duration > 0 ? Double($0.errors) / $0.duration : 0 }
        return SVGChart(
            label: "Errors per second over time", lines: [line], xTicks: timeTicks,
            yTicks: SVGChart.ticks(upTo: max(1, line.points.map(\.y).max() ?? 1)) {
                NumberText.fixed($0, decimals: $0 == $0.rounded() ? 0 : 1)
            }, isLogarithmic: false)
    }

    private var latencyChart: SVGChart {
        let lines = [("50 %", 50.0), ("90 %", 90), ("99 %", 99), ("max", 100)].enumerated().map { index, percentile in
            line(percentile.0, index + 1) { $0.microseconds(atPercentile: percentile.1) }
        }
        return SVGChart(
            label: "Latency percentiles over time", lines: lines, xTicks: timeTicks, yTicks: Self.decades(of: lines),
            isLogarithmic: true)
    }

    /// Percentiles on an axis that gives each further nine as much room.
    private var distributionChart: SVGChart {
        let last = log10(max(10, Double(requests)))
        let buckets = latencies.buckets()
        let lines =
            [("latency", buckets, latencies.count)]
            + (options.rate == nil ? [] : [("service time", serviceLatencies.buckets(), serviceLatencies.count)])
        let drawn = lines.enumerated().map { index, line in
            SVGChart.Line(
                name: line.0, color: index + 1,
                points: stride(from: 0, through: last, by: last / 120).map { nines in
                    let percentile = 100 - 100 / pow(10, nines)
                    return (nines, LatencyHistogram.value(atPercentile: percentile, of: line.1, total: line.2) / 1000)
                })
        }
        let names = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %"]
        return SVGChart(
            label: "Latency by percentile", lines: drawn,
            xTicks: names.enumerated().filter { Double($0.offset) <= last }.map {
                SVGChart.Tick(value: Double($0.offset), text: $0.element)
            }, yTicks: Self.decades(of: drawn), isLogarithmic: true)
    }

    private static func decades(of lines: [SVGChart.Line]) -> [SVGChart.Tick] {
        let values = lines.flatMap { $0.points.map(\.y) }.filter { $0 > 0 }
        return SVGChart.decades(values.min() ?? 1, values.max() ?? 10) { value in
            if value < 1000 { return NumberText.fixed(value, decimals: value < 1 ? 2 : 0) + " µs" }
            return value < 1e6
                ? NumberText.fixed(value / 1000, decimals: 0) + " ms"
                : NumberText.fixed(value / 1e6, decimals: 0) + " s"
        }
    }

    // MARK: Tables

    private var tables: String {
        let percentiles = zip(LatencySummary.percentiles, latency.values).map {
            Self.row("\($0.0.percentile.formatted) %", NumberText.microseconds($0.1))
        }
        let ends = [("min", latency.min), ("mean", latency.mean), ("max", latency.max)].map {
            Self.row($0.0, NumberText.microseconds($0.1))
        }
        let classes = (1...5).filter { statuses[$0] > 0 }.map {
            Self.row("\($0)xx", NumberText.grouped(statuses[$0]))
        }
        let kinds = LoadErrorKind.allCases.filter { errors($0) > 0 }.map {
            Self.row(cause(of: $0).isEmpty ? $0.title : "\($0.title): \(cause(of: $0))", NumberText.grouped(errors($0)))
        }
        return """
            <section class="tables">
            <table><caption>Latency</caption>\((ends + percentiles).joined())</table>
            <table><caption>Responses</caption>\(classes.joined())\(kinds.joined())</table>
            </section>
            """
    }

    private static func row(_ name: String, _ value: String) -> String {
        "<tr><th>\(HTMLText.escape(name))</th><td>\(value)</td></tr>"
    }

    private static let style = """
        :root { --ground: #fff; --ink: #1a1d21; --soft: #667; --grid: #d8dce2; --line-1: #1668b8; --line-2: #138a5a; \
        --line-3: #b06a00; --line-4: #c02a3c; color-scheme: light dark; }
        @media (prefers-color-scheme: dark) { :root { --ground: #14171a; --ink: #e6e8eb; --soft: #99a; \
        --grid: #31363d; --line-1: #6bb1f5; --line-2: #58cf9b; --line-3: #f0b04f; --line-4: #ff7b8a; } }
        body { background: var(--ground); color: var(--ink); font: 16px/1.45 system-ui, sans-serif; margin: 0 auto; \
        max-width: 760px; padding: 16px; }
        h1 { font-size: 1.3em; overflow-wrap: anywhere; } h2 { font-size: 1em; margin: 1.6em 0 .2em; }
        p { color: var(--soft); margin: .3em 0; }
        .figures { display: grid; gap: 8px; grid-template-columns: repeat(auto-fit, minmax(105px, 1fr)); }
        .figures div { border: 1px solid var(--grid); border-radius: 8px; color: var(--soft); font-size: .8em; \
        padding: 8px; }
        .figures b { color: var(--ink); display: block; font-size: 1.5em; white-space: nowrap; }
        .figures .bad b { color: var(--line-4); }
        svg { display: block; width: 100%; } svg text { fill: var(--soft); font-size: 12px; }
        @media (min-width: 600px) { svg text { font-size: 9px; } }
        .grid { stroke: var(--grid); } polyline { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
        .legend span { font-weight: 600; margin-right: 1em; }
        .tables { display: flex; flex-wrap: wrap; gap: 32px; align-items: flex-start; margin-top: 1.6em; }
        caption { font-weight: 600; text-align: left; } th { font-weight: 400; padding-right: 2em; text-align: left; }
        td { font-variant-numeric: tabular-nums; text-align: right; }
        pre { border: 1px solid var(--grid); border-radius: 8px; font-size: 12px; margin-top: 2em; overflow-x: auto; \
        padding: 12px; }
        """
}

nonisolated extension Double {
    /// "99.9" and "50".
    fileprivate var formatted: String { self == rounded() ? "\(Int(self))" : "\(self)" }
}
