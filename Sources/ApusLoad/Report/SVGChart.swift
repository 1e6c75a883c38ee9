import Glibc

/// A line chart as an SVG element for a page, which needs neither scripts nor the network.
nonisolated struct SVGChart {
    struct Line {
        let name: String
        /// The number of its colour, which the page's style has as `--line-1` and so on.
        let color: Int
        let points: [(x: Double, y: Double)]
    }

    struct Tick {
        let value: Double
        let text: String
    }

    private static let width = 480.0
    private static let height = 240.0
    private static let left = 62.0
    private static let right = 12.0
    private static let top = 10.0
    private static let bottom = 26.0

    let label: String
    let lines: [Line]
    let xTicks: [Tick]
    let yTicks: [Tick]
    /// Values on the y axis as their logarithms.
    let isLogarithmic: Bool

    private var xRange: (Double, Double) { Self.range(lines.flatMap { $0.points.map(\.x) } + xTicks.map(\.value)) }
    private var yRange: (Double, Double) { Self.range(yTicks.map { scaled($0.value) }) }

    private static func range(_ values: [Double]) -> (Double, Double) {
        let least = values.min() ?? 0
        return (least, max(values.max() ?? 1, least + 1e-9))
    }

    private func scaled(_ y: Double) -> Double { isLogarithmic ? log10(max(y, 1e-3)) : y }

    private func place(x: Double, in range: (Double, Double)) -> Double {
        Self.left + (x - range.0) / (range.1 - range.0) * (Self.width - Self.left - Self.right)
    }

    private func place(y: Double, in range: (Double, Double)) -> Double {
        Self.height - Self.bottom
            - (scaled(y) - range.0) / (range.1 - range.0) * (Self.height - Self.top - Self.bottom)
    }

    /// The element.
    var svg: String {
        let (xRange, yRange) = (xRange, yRange)
        var parts = [
            "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\" aria-label=\"\(label)\">"
        ]
        for tick in yTicks {
            let y = Self.number(place(y: tick.value, in: yRange))
            parts.append(
                "<line class=\"grid\" x1=\"\(Self.left)\" x2=\"\(Self.width - Self.right)\" y1=\"\(y)\" y2=\"\(y)\"/>")
            parts.append("<text x=\"\(Self.left - 6)\" y=\"\(y)\" text-anchor=\"end\" dy=\"4\">\(tick.text)</text>")
        }
        for tick in xTicks {
            let x = Self.number(place(x: tick.value, in: xRange))
            parts.append("<text x=\"\(x)\" y=\"\(Self.height - 8)\" text-anchor=\"middle\">\(tick.text)</text>")
        }
        for line in lines {
            let points = line.points.map {
                "\(Self.number(place(x: $0.x, in: xRange))),\(Self.number(place(y: $0.y, in: yRange)))"
            }
            let style = "style=\"stroke:var(--line-\(line.color))\""
            parts.append(
                "<polyline \(style) points=\"\(points.joined(separator: " "))\"><title>\(line.name)</title></polyline>")
        }
        return (parts + ["</svg>"]).joined(separator: "\n")
    }

    /// The names of the lines in their colours; "" for a single one.
    var legend: String {
        guard lines.count > 1 else { return "" }
        let names = lines.map { "<span style=\"color:var(--line-\($0.color))\">\($0.name)</span>" }
        return "<p class=\"legend\">\(names.joined(separator: " "))</p>"
    }

    private static func number(_ value: Double) -> String { NumberText.fixed(value, decimals: 1) }

    // MARK: Ticks

    /// Round values from 0 to `highest` or a little more.
    static func ticks(upTo highest: Double, _ text: (Double) -> String) -> [Tick] {
        let rough = max(highest, 1e-9) / 4
        let magnitude = pow(10, floor(log10(rough)))
        let step = [1, 2, 2.5, 5, 10].map { $0 * magnitude }.first { $0 >= rough } ?? rough
        return (0...max(1, Int((highest / step).rounded(.up)))).map {
            Tick(value: Double($0) * step, text: text(Double($0) * step))
        }
    }

    /// Powers of ten from below `lowest` to above `highest`.
    static func decades(_ lowest: Double, _ highest: Double, _ text: (Double) -> String) -> [Tick] {
        let first = Int(floor(log10(max(lowest, 1e-3))))
        let last = max(first + 1, Int(ceil(log10(max(highest, 1e-3)))))
        return (first...last).map { Tick(value: pow(10, Double($0)), text: text(pow(10, Double($0)))) }
    }
}
