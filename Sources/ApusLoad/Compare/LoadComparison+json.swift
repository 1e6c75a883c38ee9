import Apus

nonisolated extension LoadComparison {
    /// The comparison as a JSON object: `a`, `b`, the names of the runs; `samples`, `"runs"` or `"seconds"`, and
    /// `samples_a`, `samples_b`, how many; `confidence`; `different_settings` [{`name`, `a`, `b`}]; `figures` [{`name`,
    /// `a`, `b`, `ratio`, `low`, `high`, `different`, `verdict`}], of which the last four tell of `b / a`; `errors` and
    /// `unsuccessful` {`a`, `b`, `difference`, `low`, `high`, `different`, `verdict`}, shares from 0 to 1, or null.
    /// Without an interval `low`, `high` and `different` are null.
    public var json: String {
        var object = JSONObject()
        object.add("tool", "apus load --compare")
        for (name, side) in [("a", a), ("b", b)] { object.add(name, json: Self.list(side.map(\.name))) }
        object.add("samples", samples.rawValue)
        object.add("samples_a", sampleCounts.a)
        object.add("samples_b", sampleCounts.b)
        object.add("confidence", RatioEstimate.confidence, decimals: 2)
        object.add(
            "different_settings",
            differentSettings.map { setting in
                var object = JSONObject()
                object.add("name", setting.name)
                object.add("a", json: Self.list(setting.a))
                object.add("b", json: Self.list(setting.b))
                return object
            })
        object.add("figures", figures.map(Self.object))
        Self.add("errors", errors, to: &object)
        Self.add("unsuccessful", unsuccessful, to: &object)
        return object.text + "\n"
    }

    private static func object(_ figure: ComparedFigure) -> JSONObject {
        var object = JSONObject()
        object.add("name", figure.name)
        object.add("a", figure.a, decimals: 3)
        object.add("b", figure.b, decimals: 3)
        object.add("ratio", figure.ratio, decimals: 6)
        let ends = figure.interval.map { [$0.lowerBound, $0.upperBound] }
        for (index, name) in ["low", "high"].enumerated() {
            object.add(name, json: ends.map { NumberText.fixed($0[index], decimals: 6) } ?? "null")
        }
        object.add("different", json: figure.verdict == .unknown ? "null" : "\(figure.verdict == .different)")
        object.add("verdict", figure.verdictText)
        return object
    }

    private static func add(_ name: String, _ share: ComparedShare?, to object: inout JSONObject) {
        guard let share else { return object.add(name, json: "null") }
        object.add(name) { object in
            object.add("a", share.a, decimals: 9)
            object.add("b", share.b, decimals: 9)
            object.add("difference", share.b - share.a, decimals: 9)
            object.add("low", share.interval.lowerBound, decimals: 9)
            object.add("high", share.interval.upperBound, decimals: 9)
            object.add("different", share.isDifferent)
            object.add("verdict", share.verdictText)
        }
    }

    private static func list(_ texts: [String]) -> String {
        "[\(texts.map(JSONObject.quoted).joined(separator: ", "))]"
    }
}
